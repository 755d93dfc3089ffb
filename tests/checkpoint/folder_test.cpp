#include <dare/checkpoint/header.hpp>

#include "checkpoint/raw_files.hpp"
#include "checkpoint/sample.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/error.hpp>

#include <gmock/gmock.h>

#include <map>

namespace dare {
namespace {

namespace fs = std::filesystem;

using test::error_text;
using test::write_file;

// A file of one tensor of 4 bytes.
std::string one(const std::string& name) {
  return test::safetensors(R"({")" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4);
}

std::string index_of(const std::string& map) {
  return R"({"metadata":{},"weight_map":)" + map + "}";
}

// Tensors a and b in two shards, and the index that says so.
class Folder : public testing::Test {
 protected:
  Folder() {
    fs::create_directory(path_);
    write_file(path_ / "s1.safetensors", one("a"));
    write_file(path_ / "s2.safetensors", one("b"));
    write_file(path_ / k_index, index_of(R"({"a":"s1.safetensors","b":"s2.safetensors"})"));
  }
  std::string refusal() {
    return error_text<InputError>([&] { (void)checkpoint::read_header(path_); });
  }

  static constexpr auto k_index = "model.safetensors.index.json";
  test::TempFolder temporary_;
  fs::path path_ = temporary_ / "model";
};

TEST_F(Folder, WhatIsThereInsteadIsNamed) {
  fs::remove_all(path_);
  const auto told = [&] { return refusal(); };
  fs::create_directories(path_ / "snapshots" / "abc");
  EXPECT_THAT(told(), testing::EndsWith(" is in this folder; a model of a cache of the Hub; give one of its snapshots, " +
                                        (path_ / "snapshots" / "abc").string()));
  fs::remove(path_ / "snapshots" / "abc");
  EXPECT_THAT(told(), testing::EndsWith("give one of its snapshots, of which none is there: download it again"));
  fs::remove(path_ / "snapshots");
  write_file(path_ / "weights.safetensors", one("a"));
  EXPECT_THAT(told(), testing::EndsWith("; its weights have another name; give the file " + (path_ / "weights.safetensors").string()));
  write_file(path_ / "z.safetensors", one("a"));
  EXPECT_THAT(told(), testing::EndsWith("; its weights have other names; give the one file of them that is the model, as " +
                                        (path_ / "weights.safetensors").string()));
  fs::create_directory(path_ / "inner");
  write_file(path_ / "inner" / "config.json", "{}");
  EXPECT_THAT(told(), testing::EndsWith("; a model lies in it; give " + (path_ / "inner").string()));
  for (const auto* const name : {"beta", "alpha"}) {
    fs::create_directory(path_ / name);
    write_file(path_ / name / "adapter_config.json", "{}");
  }
  EXPECT_THAT(told(), testing::EndsWith("; a LoRA adapter lies in it; give " + (path_ / "alpha").string()));
}

TEST(HubName, IsToBeDownloaded) {
  EXPECT_EQ(error_text<InputError>([&] { (void)checkpoint::read_header("no-such-org/Math-7B"); }),
            "no-such-org/Math-7B: no such file or folder; if it is a name on the Hub, download it first: hf download no-such-org/Math-7B "
            "--local-dir no-such-org/Math-7B");
  for (const std::string path : {"no-such-folder", "no/such/folder", "/no-such", "no-such/m.safetensors", "./no-such"})
    EXPECT_EQ(error_text<InputError>([&] { (void)checkpoint::read_header(path); }), path + ": no such file or folder");
}

TEST_F(Folder, ShardsAreReadInOrderOfNamesWithSideFiles) {
  write_file(path_ / "config.json", "{}");
  for (const auto* other : {".hidden", "pytorch_model.bin", "other.h5", "x.index.json", "dare-manifest.json", "flax.msgpack"}) {
    write_file(path_ / other, "?");
  }
  fs::create_directory(path_ / "sub");
  const auto header = checkpoint::read_header(path_);
  ASSERT_EQ(header.tensors.size(), 2U);
  EXPECT_EQ(header.tensors[1].name, "b");
  EXPECT_EQ(header.tensors[1].file, 1U);
  EXPECT_EQ(header.files[1].name, "s2.safetensors");
  EXPECT_EQ(header.side_files, std::vector<std::string>{"config.json"});
}

TEST_F(Folder, AFileOfAllWeightsBesideAnIndexThatDoesNotNameIt) {
  write_file(path_ / "model.safetensors", one("a"));
  EXPECT_EQ(refusal(), path_.string() +
                           ": model.safetensors stands beside model.safetensors.index.json, which leads to other files: it is not "
                           "said which weights are meant; take away those that are not, or give the file itself");
  write_file(path_ / k_index, index_of(R"({"a":"model.safetensors","b":"s2.safetensors"})"));
  EXPECT_EQ(checkpoint::read_header(path_).tensors.size(), 2U);
}

TEST_F(Folder, MissingShard) {
  fs::remove(path_ / "s2.safetensors");
  EXPECT_EQ(refusal(), (path_ / "s2.safetensors").string() + ": the index names this shard, it is not there; fetch it");
}

TEST_F(Folder, TensorInAnotherShardThanTheIndexSays) {
  write_file(path_ / k_index, index_of(R"({"a":"s2.safetensors","b":"s1.safetensors"})"));
  EXPECT_EQ(refusal(),
            (path_ / "s1.safetensors").string() + ": tensor \"a\": the index places it in s2.safetensors; fetch the model again");
}

TEST_F(Folder, TensorThatTheIndexDoesNotList) {
  write_file(path_ / "s2.safetensors", one("c"));
  EXPECT_EQ(refusal(), (path_ / "s2.safetensors").string() + ": tensor \"c\": the index places it in no shard; fetch the model again");
}

TEST_F(Folder, TensorThatOnlyTheIndexLists) {
  write_file(path_ / k_index, index_of(R"({"a":"s1.safetensors","b":"s2.safetensors","c":"s2.safetensors"})"));
  EXPECT_EQ(refusal(),
            (path_ / "s2.safetensors").string() + ": tensor \"c\" is listed in the index and not in the file; fetch the model again");
}

TEST_F(Folder, TensorInTwoShards) {
  write_file(path_ / "s2.safetensors", one("a"));
  EXPECT_EQ(refusal(), (path_ / "s2.safetensors").string() + ": tensor \"a\" is in another shard too; fetch the model again");
}

TEST_F(Folder, IndexThatIsNoJson) {
  write_file(path_ / k_index, "{\"weight_map\"");
  EXPECT_THAT(refusal(), testing::StartsWith((path_ / k_index).string() + ": no valid index ("));
  write_file(path_ / k_index, "{}");
  EXPECT_THAT(refusal(), testing::StartsWith((path_ / k_index).string() + ": no valid index ("));
  write_file(path_ / k_index, index_of(R"({"a":1})"));
  EXPECT_THAT(refusal(), testing::StartsWith((path_ / k_index).string() + ": no valid index ("));
}

TEST_F(Folder, IndexThatNamesAFileOutsideTheFolder) {
  write_file(temporary_ / "out.safetensors", one("b"));
  for (const std::string name : {"../out.safetensors", "..", ".", "", "/etc/passwd"}) {
    write_file(path_ / k_index, index_of(R"({"a":"s1.safetensors","b":")" + name + R"("})"));
    EXPECT_EQ(refusal(), (path_ / k_index).string() + ": tensor \"b\": shard \"" + name + "\" is no file of this folder");
  }
}

TEST_F(Folder, LinksOutOfTheFolder) {
  const auto out = temporary_ / "out.safetensors";
  write_file(out, one("b"));
  const auto text = [&](const fs::path& link) {
    return link.string() + ": a symbolic link out of its folder, to " + fs::canonical(out).string() + "; put the file itself there";
  };
  fs::create_symlink(out, path_ / "notes.txt");
  EXPECT_EQ(refusal(), text(path_ / "notes.txt"));
  fs::remove(path_ / "notes.txt");
  fs::remove(path_ / "s2.safetensors");
  fs::create_symlink("../out.safetensors", path_ / "s2.safetensors");
  EXPECT_EQ(refusal(), text(path_ / "s2.safetensors"));
}

TEST_F(Folder, LinksWithinTheFolderAndIntoTheHubsCacheAreFollowed) {
  fs::rename(path_ / "s2.safetensors", path_ / "real.bin");
  fs::create_symlink("real.bin", path_ / "s2.safetensors");
  EXPECT_EQ(checkpoint::read_header(path_).tensors.size(), 2U);

  const auto snapshot = temporary_ / "cache/snapshots/0a1b";
  fs::create_directories(snapshot);
  fs::create_directories(temporary_ / "cache/blobs");
  write_file(temporary_ / "cache/blobs/77", one("w"));
  write_file(temporary_ / "cache/blobs/78", "{}");
  fs::create_symlink("../../blobs/77", snapshot / "model.safetensors");
  fs::create_symlink("../../blobs/78", snapshot / "config.json");
  const auto header = checkpoint::read_header(snapshot);
  EXPECT_EQ(header.tensors.at(0).name, "w");
  EXPECT_EQ(header.side_files, std::vector<std::string>{"config.json"});
}

TEST_F(Folder, SizesOfWhatIsPlannedAreSizesOfWhatIsMade) {
  auto spec = test::sample_spec();
  for (const std::uint64_t shard_size : {1'000U, 1'000'000U, 1'000'000'000U}) {
    spec.shard_size = shard_size;
    const auto out = temporary_ / ("out" + std::to_string(shard_size));
    const auto planned = checkpoint::plan_output(checkpoint::OutputKind::folder, spec);
    const auto made = checkpoint::create_output(out, checkpoint::OutputKind::folder, spec);
    ASSERT_EQ(planned.files.size(), made.files.size());
    for (std::size_t f = 0; f < made.files.size(); ++f) {
      EXPECT_EQ(planned.files[f].size, made.files[f].size);
      EXPECT_EQ(made.files[f].size, fs::file_size(out / made.files[f].name));
    }
    EXPECT_EQ(checkpoint::read_header(out).tensors.size(), spec.tensors.size());
  }
}

TEST_F(Folder, AnUnfinishedOutput) {
  const auto partial = temporary_ / ".out.partial";
  fs::rename(path_, partial);
  const auto told = [](const fs::path& path) { return error_text<InputError>([&] { (void)checkpoint::read_header(path); }); };
  EXPECT_EQ(told(partial), "");  // of a name alone it does not follow
  write_file(temporary_ / ".out.journal", "?");
  const std::string why =
      ": an unfinished output, some of its weights are not there yet (.out.journal is the journal of its run); go on with --resume, then "
      "give out";
  for (const auto& path : {partial, partial / "", partial / "s1.safetensors"}) EXPECT_EQ(told(path), path.string() + why);
  EXPECT_EQ(checkpoint::read_header_of_unfinished(partial).tensors.size(), 2U);

  const auto file = temporary_ / ".m.h5.partial.h5";
  write_file(file, "?");
  write_file(temporary_ / ".m.h5.journal", "?");
  EXPECT_EQ(told(file), file.string() +
                            ": an unfinished output, some of its weights are not there yet (.m.h5.journal is the journal of its run); go "
                            "on with --resume, then give m.h5");
}

TEST_F(Folder, AnAdapterWithoutItsConfiguration) {
  for (const std::string name : {"adapter_model.safetensors", "adapter_model.bin"}) {
    const test::TempFolder folder;
    write_file(folder / name, one("base_model.model.q.lora_A.weight"));
    EXPECT_EQ(error_text<InputError>([&] { (void)checkpoint::read_header(folder.path()); }),
              folder.path().string() + ": a LoRA adapter (" + name + ") without its adapter_config.json; fetch that file beside it");
  }
}

}  // namespace
}  // namespace dare
