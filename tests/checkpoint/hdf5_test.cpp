#include "checkpoint/h5_attributes.hpp"
#include "checkpoint/h5_types.hpp"
#include "checkpoint/hdf5_schema.hpp"
#include "checkpoint/raw_files.hpp"
#include "checkpoint/sample.hpp"
#include "support/temp_folder.hpp"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <thread>

namespace dare {
namespace {

namespace fs = std::filesystem;

using checkpoint::OutputKind;
using checkpoint::OutputSpec;
using checkpoint::hdf5::Doing;
using checkpoint::hdf5::H5Dataset;

TEST(DatasetPaths, AreTheNamesWhereHdf5CanHaveThem) {
  using namespace std::string_view_literals;
  const std::vector<std::string_view> names{"a.b", "a/b",   "",   "/a",     "a//b", "a/./b", "a/..",
                                            "a",   "a/b/c", "~7", "a\0b"sv, "a/",   "z.",    "a/~1"};
  const std::vector<std::string> paths{"a.b", "~1", "~2", "~3", "~4", "~5", "~6", "~7", "a/b/c", "~9", "~10", "~11", "z.", "a/~1"};
  EXPECT_EQ(checkpoint::hdf5::dataset_paths(names), paths);
}

TEST(Hdf5, EqualSpecificationsGiveEqualFiles) {
  const test::TempFolder folder;
  const auto spec = test::sample_spec();
  test::write_checkpoint(folder / "first.h5", spec);
  std::this_thread::sleep_for(std::chrono::milliseconds{1'100});  // HDF5's times count seconds
  test::write_checkpoint(folder / "second.h5", spec);
  EXPECT_TRUE(test::file_text(folder / "first.h5") == test::file_text(folder / "second.h5"));
}

TEST(Hdf5, LargeTensorsAreAlignedAndNoneOverlap) {
  const test::TempFolder folder;
  const auto spec = test::sample_spec();
  const auto layout = checkpoint::create_output(folder / "w.h5", OutputKind::hdf5, spec);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  int large = 0;
  for (std::size_t t = 0; t < spec.tensors.size(); ++t) {
    const auto bytes = test::bytes_of(spec.tensors[t]);
    const auto offset = layout.tensors[t].offset;
    EXPECT_EQ(offset == 0, bytes == 0) << spec.tensors[t].name;
    if (bytes >= checkpoint::hdf5::k_alignment) {
      EXPECT_EQ(offset % checkpoint::hdf5::k_alignment, 0U);
      ++large;
    }
    if (bytes > 0) ranges.emplace_back(offset, offset + bytes);
  }
  EXPECT_EQ(large, 2);
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].second, ranges[i].first);
  EXPECT_EQ(layout.files.at(0).size, fs::file_size(folder / "w.h5"));
  EXPECT_GE(layout.files[0].size, ranges.back().second) << "space is there before data is";
}

TEST(Hdf5, PlannedSizeIsNeverBelowWhatIsMade) {
  const test::TempFolder folder;
  std::vector<OutputSpec> specs(5);
  specs[0] = test::sample_spec();
  specs[2].tensors.push_back({std::string(60'000, 'n'), Dtype::f32, {1}});
  for (std::size_t i = 0; i < 3'000; ++i) {
    specs[3].tensors.push_back({"model.layers." + std::to_string(i) + ".weight", Dtype::bf16, {i % 7, 3}});
    specs[4].tensors.push_back({std::to_string(i) + "/" + std::to_string(i) + "/w", Dtype::bf16, {i * 400}});
  }
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto planned = checkpoint::plan_output(OutputKind::hdf5, specs[i]);
    const auto made = checkpoint::create_output(folder / (std::to_string(i) + ".h5"), OutputKind::hdf5, specs[i]);
    EXPECT_GE(planned.total_bytes(), made.total_bytes()) << i;
    EXPECT_LE(planned.total_bytes(), 3 * made.total_bytes() + 2'000'000) << i;
    EXPECT_EQ(planned.tensors.size(), made.tensors.size());
  }
}

TEST(Hdf5, ExistingFilesAreNotReplaced) {
  const test::TempFolder folder;
  test::write_file(folder / "w.h5", "mine");
  EXPECT_THAT(test::error_text<IoError>([&] { (void)checkpoint::create_output(folder / "w.h5", OutputKind::hdf5, {}); }),
              testing::StartsWith((folder / "w.h5").string() + ": HDF5 cannot create: "));
  EXPECT_EQ(test::file_text(folder / "w.h5"), "mine");
}

// What other programs see: HDF5 itself converts to its native float.
TEST(Hdf5, OtherProgramsSeeTheTrueValues) {
  struct Case {
    Dtype dtype;
    std::uint64_t bits;
    float value;
  };
  constexpr std::array cases{
      Case{Dtype::bf16, 0xBFC0, -1.5F},
      Case{Dtype::f16, 0x3E00, 1.5F},
      Case{Dtype::f16, 0x0001, 5.9604645e-8F},
      Case{Dtype::f8_e4m3, 0x3C, 1.5F},
      Case{Dtype::f8_e4m3, 0x77, 240.F},
      Case{Dtype::f8_e5m2, 0xBE, -1.5F},
      Case{Dtype::f32, 0x3FC00000, 1.5F},
      Case{Dtype::i16, 0xFFFD, -3.F},
      Case{Dtype::u8, 200, 200.F},
      Case{Dtype::f64, 0x3FF8000000000000ULL, 1.5F},
  };
  const test::TempFolder folder;
  OutputSpec spec;
  for (std::size_t i = 0; i < cases.size(); ++i) spec.tensors.push_back({std::to_string(i), cases[i].dtype, {1}});
  const auto path = folder / "w.h5";
  const auto layout = checkpoint::create_output(path, OutputKind::hdf5, spec);
  checkpoint::OutputWriter writer{path, layout};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    writer.write(i, 0, std::as_bytes(std::span{&cases[i].bits, 1}).first(info(cases[i].dtype).bits / 8));
  }
  writer.close();
  const auto file = checkpoint::hdf5::open_serial(path);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto name = "/tensors/" + std::to_string(i);
    const H5Dataset dataset{H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), {path, "open", name}};
    float value = 0;
    ASSERT_GE(H5Dread(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value), 0);
    EXPECT_EQ(value, cases[i].value) << dare::name(cases[i].dtype);
    EXPECT_EQ(checkpoint::hdf5::get_text(dataset.get(), "dtype", {path, "read"}), dare::name(cases[i].dtype));
  }
}

TEST(Hdf5, ATextMayHoldAnyBytes) {
  const test::TempFolder folder;
  const auto path = folder / "w.h5";
  const Doing doing{path, "try"};
  const checkpoint::hdf5::H5File file{H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), doing};
  int n = 0;
  for (const auto& text : {std::string{}, std::string(1, '\0'), std::string("a\0b\0", 4), std::string("\xc3\xa4 ")}) {
    const auto name = std::to_string(n++);
    checkpoint::hdf5::put_text(file.get(), name.c_str(), text, doing);
    EXPECT_EQ(checkpoint::hdf5::get_text(file.get(), name.c_str(), doing), text);
  }
  EXPECT_EQ(checkpoint::hdf5::get_text(file.get(), "none", doing), std::nullopt);
  EXPECT_EQ(checkpoint::hdf5::get_number(file.get(), "0", doing), std::nullopt) << "a text is no number";
}

// As a conversion does it.
OutputSpec conversion_of(const checkpoint::Header& header) {
  OutputSpec spec;
  for (const auto& tensor : header.tensors) spec.tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
  spec.metadata = header.metadata;
  for (const auto& name : header.side_files) spec.side_files.push_back({name, checkpoint::read_side_file(header, name)});
  spec.source_headers = checkpoint::read_source_headers(header);
  return spec;
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator{folder}) files[entry.path().filename()] = test::file_text(entry.path());
  return files;
}

TEST(Hdf5, SafetensorsThereAndBackAreTheSameFiles) {
  const test::TempFolder folder;
  const auto source = folder / "source";
  fs::create_directory(source);
  // Not as this program writes headers: other order of names, spaces, an index of another make.
  test::write_file(source / "b-2.safetensors", test::safetensors(R"( {"w":{"shape":[2],"dtype":"F32","data_offsets":[0,8]} }   )", 8));
  test::write_file(
      source / "a-1.safetensors",
      test::safetensors(R"({"z":{"dtype":"I8","shape":[3],"data_offsets":[0,3]},"a":{"dtype":"BOOL","shape":[],"data_offsets":[3,4]},)"
                        R"("__metadata__":{"who":"other"}})",
                        4));
  test::write_file(source / "model.safetensors.index.json",
                   R"({"weight_map":{"w":"b-2.safetensors","a":"a-1.safetensors","z":"a-1.safetensors"},"metadata":{"x":1}})");
  test::write_file(source / "config.json", "{ }");

  const auto spec = conversion_of(checkpoint::read_header(source));
  test::write_checkpoint(folder / "w.h5", spec);
  const auto back = conversion_of(checkpoint::read_header(folder / "w.h5"));
  const auto layout = checkpoint::create_output(folder / "back", OutputKind::folder, back);
  checkpoint::OutputWriter writer{folder / "back", layout};
  for (std::size_t t = 0; t < back.tensors.size(); ++t) {
    const std::vector<std::byte> data(test::bytes_of(back.tensors[t]), std::byte{'d'});
    writer.write(t, 0, data);
  }
  writer.close();
  EXPECT_EQ(contents(folder / "back"), contents(source));
  EXPECT_EQ(checkpoint::plan_output(OutputKind::folder, back).total_bytes(), layout.total_bytes());
}

TEST(Hdf5, SourceHeadersOfOtherTensorsAreRefused) {
  const test::TempFolder folder;
  OutputSpec spec;
  spec.tensors.push_back({"w", Dtype::f32, {2}});
  const auto raw = test::safetensors(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 0);
  const auto bytes = std::as_bytes(std::span{raw});
  spec.source_headers.push_back({"w.safetensors", {bytes.begin(), bytes.end()}});
  EXPECT_EQ(test::error_text<InputError>([&] { (void)checkpoint::create_output(folder / "w.h5", OutputKind::hdf5, spec); }),
            (folder / "w.h5").string() + ": the source's headers and the tensors differ at tensor 0, \"w\"; fetch the file again");
}

// Each source is what an .h5 file may hold below /source, over tensors w (F32 [2], of a.safetensors) and v (F32 [1], of b.safetensors).
TEST(Hdf5, SourcesBecomeFilesOfAFolderOnlyWhereTheyFit) {
  const std::map<std::string, std::string> good{
      {"a.safetensors", test::safetensors(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 0)},
      {"b.safetensors", test::safetensors(R"({"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 0)},
      {"model.safetensors.index.json", R"({"weight_map":{"w":"a.safetensors","v":"b.safetensors"}})"}};
  const auto refusal = [&](const std::map<std::string, std::string>& sources) {
    const test::TempFolder folder;
    OutputSpec spec;
    spec.tensors = {{"w", Dtype::f32, {2}}, {"v", Dtype::f32, {1}}};
    for (const auto& [name, text] : sources) {
      const auto bytes = std::as_bytes(std::span{text});
      spec.source_headers.push_back({name, {bytes.begin(), bytes.end()}});
    }
    const auto path = folder / "w.h5";
    (void)checkpoint::create_output(path, OutputKind::hdf5, spec);
    const auto header = checkpoint::read_header(path);
    const auto text = test::error_text<InputError>([&] { (void)checkpoint::read_source_headers(header); });
    return text.empty() ? text : text.substr(path.string().size());
  };
  EXPECT_EQ(refusal(good), "");

  auto sources = good;
  sources["model.safetensors.index.json"] = R"({"weight_map":{"w":"../../etc/passwd","v":"b.safetensors"}})";
  EXPECT_THAT(refusal(sources), testing::StartsWith("/model.safetensors.index.json: tensor \"w\": shard \"../../etc/passwd\" is no file"));
  const std::string again = "; fetch the file again";
  sources["model.safetensors.index.json"] = R"({"weight_map":{"w":"b.safetensors","v":"b.safetensors"}})";
  EXPECT_EQ(refusal(sources),
            "/model.safetensors.index.json: tensor \"w\": the index places it in b.safetensors, it is in a.safetensors" + again);
  sources["model.safetensors.index.json"] = R"({"weight_map":{"w":"a.safetensors"}})";
  EXPECT_EQ(refusal(sources),
            "/model.safetensors.index.json: tensor \"v\": the index places it in no shard, it is in b.safetensors" + again);
  sources["model.safetensors.index.json"] = R"({"weight_map":{"w":"a.safetensors","v":"b.safetensors","x":"x.safetensors"}})";
  EXPECT_EQ(refusal(sources), "/model.safetensors.index.json: the index lists 3 tensors, the headers beside it 2" + again);
  EXPECT_EQ(refusal({{"model.safetensors.index.json", R"({"weight_map":{"w":"a.safetensors"}})"}}),
            "/model.safetensors.index.json: the index lists 1 tensors, the headers beside it 0" + again);

  sources = good;
  sources.erase("model.safetensors.index.json");
  sources["config.json"] = sources.extract("b.safetensors").mapped();
  EXPECT_EQ(refusal(sources), ": \"source/config.json\" is no name of a safetensors file or index" + again);
}

TEST(Hdf5, HeaderHashFollowsTheTensorList) {
  const test::TempFolder folder;
  std::set<std::string> hashes;
  int n = 0;
  for (const OutputSpec& spec :
       {OutputSpec{{{"w", Dtype::f32, {2}}}, "", {}, 1, {}}, OutputSpec{{{"v", Dtype::f32, {2}}}, "", {}, 1, {}},
        OutputSpec{{{"w", Dtype::i32, {2}}}, "", {}, 1, {}}, OutputSpec{{{"w", Dtype::f32, {1, 2}}}, "", {}, 1, {}}}) {
    const auto path = folder / (std::to_string(n++) + ".h5");
    test::write_checkpoint(path, spec);
    const auto hash = checkpoint::read_header(path).files.at(0).header_hash;
    EXPECT_EQ(hash, checkpoint::read_header(path).files.at(0).header_hash);
    hashes.insert(to_hex(hash));
  }
  EXPECT_EQ(hashes.size(), 4U);
}

}  // namespace
}  // namespace dare
