#include <dare/checkpoint/reader.hpp>

#include <dare/checkpoint/link.hpp>

#include "checkpoint/sample.hpp"
#include "checkpoint/shared_folder.hpp"

namespace dare {
namespace {

namespace fs = std::filesystem;

using test::SharedFolder;
using test::world;

checkpoint::Header header_of(const fs::path& path) {
  return world().from_root([&] { return checkpoint::read_header(path); });
}

void expect_sample(const fs::path& path, const checkpoint::OutputSpec& spec, std::uint64_t most) {
  const auto header = header_of(path);
  ASSERT_EQ(header.tensors.size(), spec.tensors.size());
  const auto reader = checkpoint::open(header, world());
  for (std::size_t t = 0; t < spec.tensors.size(); ++t) {
    const auto& tensor = header.tensors[t];
    EXPECT_EQ(tensor.name, spec.tensors[t].name);
    EXPECT_EQ(tensor.dtype, spec.tensors[t].dtype);
    EXPECT_EQ(tensor.shape, spec.tensors[t].shape);
    EXPECT_EQ(tensor.bytes, test::bytes_of(spec.tensors[t]));
    EXPECT_TRUE(test::read_shared(*reader, tensor, world(), most) == test::pattern(t, tensor.bytes)) << tensor.name;
  }
  reader->close();
}

// The formats that hold the sample whole; a folder's shards are cut small.
class ReaderOf : public testing::TestWithParam<const char*> {};

TEST_P(ReaderOf, SharesOfAllRanksAreTheFile) {
  const SharedFolder folder;
  const auto path = folder / GetParam();
  auto spec = test::sample_spec();
  spec.shard_size = 1'000'000;
  world().agree([&] {
    if (world().is_root()) test::write_checkpoint(path, spec);
  });
  expect_sample(path, spec, 1U << 20U);
}

TEST_P(ReaderOf, PiecesOfAnyLengthAreTheFile) {
  const SharedFolder folder;
  const auto path = folder / GetParam();
  checkpoint::OutputSpec spec;
  spec.tensors = {{"a", Dtype::bf16, {7, 11, 5}}, {"b", Dtype::f8_e5m2, {1'009}}, {"c", Dtype::f6_e2m3, {64, 4}}};
  world().agree([&] {
    if (world().is_root()) test::write_checkpoint(path, spec);
  });
  for (const std::uint64_t most : {4U, 12U, 56U, 100U}) expect_sample(path, spec, most);
}

TEST_P(ReaderOf, MetadataAndSideFilesAreKept) {
  const SharedFolder folder;
  const auto path = folder / GetParam();
  const auto spec = test::sample_spec();
  world().agree([&] {
    if (world().is_root()) test::write_checkpoint(path, spec);
  });
  const auto header = header_of(path);
  EXPECT_EQ(header.metadata, spec.metadata);
  if (path.extension() == ".safetensors") {
    EXPECT_TRUE(header.side_files.empty());
    return;
  }
  ASSERT_EQ(header.side_files.size(), spec.side_files.size());
  for (std::size_t i = 0; i < spec.side_files.size(); ++i) {
    EXPECT_EQ(header.side_files[i], spec.side_files[i].name);
    EXPECT_TRUE(checkpoint::read_side_file(header, header.side_files[i]) == spec.side_files[i].bytes) << header.side_files[i];
  }
}

std::string format_name(const testing::TestParamInfo<const char*>& info) {
  static const std::vector<std::string> names{"Hdf5", "File", "Folder"};
  return names.at(info.index);
}

INSTANTIATE_TEST_SUITE_P(Formats, ReaderOf, testing::Values("model.h5", "model.safetensors", "model"), format_name);

TEST(LinkView, ReadsTheBytesInPlace) {
  const SharedFolder folder;
  auto spec = test::sample_spec();
  spec.shard_size = 1'000'000;
  const auto view = folder / "views/model.h5";
  world().agree([&] {
    if (!world().is_root()) return;
    test::write_checkpoint(folder / "model", spec);
    fs::create_directory(folder / "views");
    checkpoint::create_link_view(view, checkpoint::read_header(folder / "model"));
  });
  expect_sample(view, spec, 100'003);
  const auto header = header_of(view);
  EXPECT_GT(header.files.size(), 2U) << "the shards are among the files";
  EXPECT_LT(header.files.front().size, 3'000'000U) << "side files, and no weights";
  EXPECT_EQ(header.metadata, spec.metadata);
}

TEST(CheckpointReader, TruncatedAfterOpenIsAnErrorOnTheRankThatReads) {
  for (const auto* name : {"model.h5", "model.safetensors", "view.h5"}) {
    const SharedFolder folder;
    checkpoint::OutputSpec spec;
    spec.tensors = {{"w", Dtype::f32, {300'000}}};
    const auto path = folder / name;
    const bool view = std::string{name} == "view.h5";
    const auto cut = view ? folder / "model.safetensors" : path;
    world().agree([&] {
      if (!world().is_root()) return;
      test::write_checkpoint(cut, spec);
      if (view) checkpoint::create_link_view(path, checkpoint::read_header(cut));
    });
    const auto header = header_of(path);
    const auto whole = fs::file_size(cut);
    const auto reader = checkpoint::open(header, world());
    world().agree([&] {
      if (world().is_root()) fs::resize_file(cut, whole - 400);
    });
    std::vector<std::byte> bytes(800);
    const auto text = test::error_text<IoError>([&] { reader->read(header.tensors[0], 299'800, bytes); });
    if (cut.extension() == ".safetensors") {
      EXPECT_EQ(text, cut.string() + ": ends at " + std::to_string(whole - 400) + ", 800 bytes wanted at offset " +
                          std::to_string(whole - 800) + "; it was truncated while in use");
    } else {
      EXPECT_EQ(text, cut.string() + ": " + std::to_string(whole - 400) + " bytes, it had " + std::to_string(whole) +
                          " when its header was read; it was truncated while in use");
    }
    reader->close();
  }
}

// The header of a small checkpoint, made at `path`.
checkpoint::Header small_checkpoint(const fs::path& path) {
  checkpoint::OutputSpec spec;
  spec.tensors = {{"w", Dtype::f32, {3}}};
  world().agree([&] {
    if (world().is_root()) test::write_checkpoint(path, spec);
  });
  return header_of(path);
}

TEST(CheckpointReader, OpeningWhatWentAwayFailsOnEveryRankWithOneText) {
  const SharedFolder folder;
  const auto header = small_checkpoint(folder / "w.h5");
  world().agree([&] {
    if (world().is_root()) fs::remove(folder / "w.h5");
  });
  EXPECT_EQ(test::error_text<comm::AgreedError>([&] { (void)checkpoint::open(header, world()); }),
            (folder / "w.h5").string() + ": cannot open for reading: No such file or directory");
}

TEST(CheckpointReader, UnclosedReadersAreLeftToTheEndOfMpi) {
  const SharedFolder folder;
  const auto header = small_checkpoint(folder / "w.h5");
  { const auto reader = checkpoint::open(header, world()); }  // as when an error unwinds one rank alone: must not hang
  const auto again = checkpoint::open(header, world());
  again->close();
  again->close();  // no second closing
}

}  // namespace
}  // namespace dare
