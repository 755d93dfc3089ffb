#include <dare/checkpoint/header.hpp>
#include <dare/checkpoint/output.hpp>

#include "checkpoint/raw_files.hpp"
#include "checkpoint/sample.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/error.hpp>

#include <gmock/gmock.h>

namespace dare {
namespace {

using test::error_text;
using test::safetensors;
using test::safetensors_with_length;

/// One rule broken, and what is said behind the file's name.
struct Broken {
  const char* rule;
  std::string bytes;
  std::string text;
};

void PrintTo(const Broken& broken, std::ostream* out) {
  *out << broken.rule;
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::vector<Broken> broken_files() {
  const auto w = [](const std::string& entry) { return R"({"w":)" + entry + "}"; };
  const auto good = tensor("F32", "[2]", "[0,8]");
  const std::string again = "; fetch the file again";
  return {
      {"empty_file", "", "empty" + again},
      {"no_room_for_length", "1234567", "7 bytes, a safetensors file has at least 8" + again},
      {"header_of_2_gb", safetensors_with_length(2'147'483'648, "{}", 0),
       "header of 2147483648 bytes, at most 100000000 are allowed" + again},
      {"header_of_2_to_64", safetensors_with_length(~std::uint64_t{0}, "{}", 0),
       R"(no safetensors file: it begins with "\xff\xff\xff\xff\xff\xff\xff\xff{}")" + again},
      {"a_page", "<!DOCTYPE html><html></html>",
       "an HTML page, such as a server's refusal, not the file; fetch the file itself, signed in where it asks"},
      {"header_cut", safetensors_with_length(100, "{}", 0), "header of 100 bytes in a file of 10" + again},
      {"byte_order_mark", safetensors("\xef\xbb\xbf" + w(good), 8),
       "the header begins with a byte order mark, which the safetensors library refuses; write the file again without it"},
      {"no_json", safetensors("{\"w\":", 0), "the header is no valid JSON (ends in the middle, in line 1)" + again},
      {"no_utf8", safetensors("{\"\xff\":1}", 0), "the header is no valid JSON (*"},
      {"list", safetensors("[]", 0), "the header is no JSON object" + again},
      {"text_behind_json", safetensors("{} {}", 0), "the header is no valid JSON (line 1, column 4: expected end of input)" + again},
      {"name_twice", safetensors(R"({"w":)" + good + R"(,"w":)" + good + "}", 8),
       "the header is no valid JSON (\"w\" stands twice)" + again},
      {"number_for_tensor", safetensors(w("3"), 0), "tensor \"w\": no dtype" + again},
      {"no_shape", safetensors(w(R"({"dtype":"F32","data_offsets":[0,8]})"), 8), "tensor \"w\": no shape" + again},
      {"no_offsets", safetensors(w(R"({"dtype":"F32","shape":[2]})"), 8), "tensor \"w\": no data_offsets" + again},
      {"unknown_dtype", safetensors(w(tensor("F31", "[2]", "[0,8]")), 8), "tensor \"w\": dtype \"F31\" is unknown" + again},
      {"shape_no_list", safetensors(w(tensor("F32", "2", "[0,8]")), 8), "tensor \"w\": shape is no list" + again},
      {"negative_extent", safetensors(w(tensor("F32", "[-2]", "[0,8]")), 8),
       "tensor \"w\": shape holds -2, a number from 0 up is expected" + again},
      {"fractional_extent", safetensors(w(tensor("F32", "[2.0]", "[0,8]")), 8),
       "tensor \"w\": shape holds 2.0, a number from 0 up is expected" + again},
      {"three_offsets", safetensors(w(tensor("F32", "[2]", "[0,8,9]")), 8), "tensor \"w\": data_offsets is no pair" + again},
      {"offsets_backwards", safetensors(w(tensor("F32", "[2]", "[8,0]")), 8),
       "tensor \"w\": F32 [2] is 8 bytes, data_offsets [8, 0] hold fewer than none" + again},
      {"wrong_byte_count", safetensors(w(tensor("F32", "[2]", "[0,9]")), 9),
       "tensor \"w\": F32 [2] is 8 bytes, data_offsets [0, 9] hold 9" + again},
      {"shape_overflows", safetensors(w(tensor("F32", "[4294967296,4294967296]", "[0,0]")), 0),
       "tensor \"w\": F32 [4294967296, 4294967296] is no whole number of bytes below 2^60" + again},
      {"bytes_overflow", safetensors(w(tensor("F64", "[2305843009213693952]", "[0,0]")), 0),
       "tensor \"w\": F64 [2305843009213693952] is no whole number of bytes below 2^60" + again},
      {"half_a_byte", safetensors(w(tensor("F4", "[3]", "[0,2]")), 2),
       "tensor \"w\": F4 [3] is no whole number of bytes below 2^60" + again},
      {"overlap", safetensors(R"({"v":)" + good + R"(,"w":)" + tensor("F32", "[2]", "[4,12]") + "}", 12),
       "tensor \"w\": begins at 4, the tensor before it ends at 8: tensors may neither overlap nor leave holes" + again},
      {"hole", safetensors(R"({"v":)" + good + R"(,"w":)" + tensor("F32", "[2]", "[9,17]") + "}", 17),
       "tensor \"w\": begins at 9, the tensor before it ends at 8: tensors may neither overlap nor leave holes" + again},
      {"hole_at_begin", safetensors(w(tensor("F32", "[2]", "[1,9]")), 9),
       "tensor \"w\": begins at 1, the tensor before it ends at 0: tensors may neither overlap nor leave holes" + again},
      {"truncated", safetensors(w(good), 7), "69 bytes, its header describes 70" + again},
      {"bytes_behind_the_end", safetensors(w(good), 9), "71 bytes, its header describes 70" + again},
      {"metadata_no_texts", safetensors(R"({"__metadata__":{"a":1}})", 0), "__metadata__ is no object of texts" + again},
      {"metadata_text", safetensors(R"({"__metadata__":"a"})", 0), "__metadata__ is no object of texts" + again},
  };
}

class BrokenFile : public testing::TestWithParam<Broken> {};

TEST_P(BrokenFile, IsRefusedWithItsReason) {
  const test::TempFolder folder;
  const auto path = folder / "w.safetensors";
  test::write_file(path, GetParam().bytes);
  const auto text = error_text<InputError>([&] { (void)checkpoint::read_header(path); });
  if (GetParam().text.ends_with('*')) {  // the JSON library's own words follow
    EXPECT_THAT(text, testing::StartsWith(path.string() + ": " + GetParam().text.substr(0, GetParam().text.size() - 1)));
  } else {
    EXPECT_EQ(text, path.string() + ": " + GetParam().text);
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, BrokenFile, testing::ValuesIn(broken_files()),
                         [](const testing::TestParamInfo<Broken>& broken) { return std::string{broken.param.rule}; });

TEST(SafetensorsHeader, KeepsOrderByOffsetAndFindsByName) {
  const test::TempFolder folder;
  const auto path = folder / "w.safetensors";
  test::write_file(path, safetensors(R"({"__metadata__":{"format":"pt"},"a":)" + tensor("BF16", "[2,2]", "[4,12]") + R"(,"z":)" +
                                         tensor("F32", "[]", "[0,4]") + R"(,"e":)" + tensor("I8", "[0,7]", "[4,4]") + "}  ",
                                     12));
  const auto header = checkpoint::read_header(path);
  ASSERT_EQ(header.tensors.size(), 3U);
  EXPECT_EQ(header.tensors[0].name, "z");
  EXPECT_EQ(header.tensors[1].name, "e");
  EXPECT_EQ(header.tensors[2].name, "a");
  EXPECT_EQ(header.tensors[2].offset, std::filesystem::file_size(path) - 8);
  EXPECT_EQ(header.find("a"), &header.tensors[2]);
  EXPECT_EQ(header.find("b"), nullptr);
  EXPECT_EQ(header.metadata, R"({"format":"pt"})");
  EXPECT_EQ(header.total_bytes(), 12U);
}

std::string refused_plan(const checkpoint::OutputSpec& spec, checkpoint::OutputKind kind) {
  return error_text<InputError>([&] { (void)checkpoint::plan_output(kind, spec); });
}

TEST(SafetensorsOutput, WhatNoReaderTakesIsRefusedBeforeItIsWritten) {
  checkpoint::OutputSpec spec;
  spec.tensors.push_back({"__metadata__", Dtype::f32, {2}});
  for (const auto kind : {checkpoint::OutputKind::safetensors_file, checkpoint::OutputKind::folder}) {
    EXPECT_EQ(refused_plan(spec, kind),
              "tensor \"__metadata__\" cannot be in a safetensors file: the name is that of a header's metadata; give an "
              "output that ends in .h5");
  }
  (void)checkpoint::plan_output(checkpoint::OutputKind::hdf5, spec);  // which has no such key
  spec.tensors.clear();
  for (int i = 0; i < 24'700; ++i) spec.tensors.push_back({std::to_string(i) + std::string(4'000, 'n'), Dtype::f32, {0}});
  EXPECT_THAT(
      refused_plan(spec, checkpoint::OutputKind::safetensors_file),
      testing::MatchesRegex("a safetensors file's header of 100[0-9]+ bytes for 24700 tensors, the format allows 100000000; give an output "
                            "that ends in .h5"));
}

TEST(SafetensorsHeader, OtherPathsAreRefused) {
  const test::TempFolder folder;
  const auto none = folder / "none.safetensors";
  EXPECT_EQ(error_text<InputError>([&] { (void)checkpoint::read_header(none); }), none.string() + ": no such file or folder");
  const auto text = folder / "model.txt";
  test::write_file(text, "x");
  EXPECT_THAT(error_text<InputError>([&] { (void)checkpoint::read_header(text); }),
              testing::StartsWith(text.string() + ": not a checkpoint known by its ending; give a "));
  const test::TempFolder ggufs;
  test::write_file(ggufs / "model.gguf", "x");
  EXPECT_EQ(error_text<InputError>([&] { (void)checkpoint::read_header(ggufs / "model.gguf"); }),
            (ggufs / "model.gguf").string() +
                ": a GGUF file, which is not read here; give the model that it was made from, as safetensors or PyTorch files");
  EXPECT_EQ(error_text<InputError>([&] { (void)checkpoint::read_header(ggufs.path()); }),
            (ggufs.path() / "model.gguf").string() +
                ": a GGUF file, which is not read here; give the model that it was made from, as safetensors or PyTorch files");
  EXPECT_THAT(error_text<InputError>([&] { (void)checkpoint::read_header(folder.path()); }),
              testing::StartsWith(folder.path().string() + ": none of model.safetensors.index.json, model.safetensors, "));
}

}  // namespace
}  // namespace dare
