#include "pipeline/verify/manifest_reader.hpp"

#include "pipeline/verify/verify_inputs.hpp"
#include "recipe/recipe_from_json.hpp"
#include "recipe/recipe_json.hpp"
#include "support/errors.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dare::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto k_hash = "000102030405060708090a0b0c0d0e0f";

std::string manifest(const std::string& tensors, const std::string& more = "") {
  return R"({"format":"dare-manifest","format_version":1,"program":"dare-mpi 1","stream_version":1,"recipe":{"merge_method":"ties"},)"
         R"("inputs":[{"path":"b/","files":[{"name":"model.safetensors","size":12,"header_xxh3_128":"ab"}]}],"block_elements":1048576,)" +
         more + R"("tensors":[)" + tensors + "]}";
}

std::string tensor(const std::string& name, const std::string& shape, const std::string& hashes, const std::string& dtype = "BF16") {
  return fmt::format(R"({{"name":"{}","dtype":"{}","shape":{},"xxh3_128":"{}"}})", name, dtype, shape, hashes);
}

std::string refusal(const std::string& text) {
  return test::error_text<InputError>([&] { return parse_manifest("m.json", text); });
}

TEST(Manifest, IsReadBack) {
  const auto read =
      parse_manifest("m.json", manifest(tensor("a", "[1024,1025]", std::string{k_hash} + k_hash) + "," + tensor("e", "[0,4]", "")));
  EXPECT_EQ(read.program, "dare-mpi 1");
  EXPECT_EQ(read.stream_version, 1U);
  EXPECT_EQ(read.recipe, R"({"merge_method":"ties"})");
  ASSERT_EQ(read.inputs.size(), 1U);
  EXPECT_EQ(read.inputs[0].path, "b/");
  EXPECT_EQ(read.inputs[0].files[0].size, 12U);
  ASSERT_EQ(read.tensors.size(), 2U);
  EXPECT_EQ(read.tensors[0].elements, 1024U * 1025);
  ASSERT_EQ(read.tensors[0].blocks.size(), 2U);
  EXPECT_EQ(to_hex(read.tensors[0].blocks[1]), k_hash);
  EXPECT_EQ(read.tensors[1].blocks.size(), 0U);
}

TEST(Manifest, PartsOfTheOutputAreReadBackWhereTheyAreThere) {
  EXPECT_FALSE(parse_manifest("m.json", manifest("")).parts);
  const auto parts = parse_manifest("m.json", manifest("", R"("parts":[{"part":"header","name":"","size":7,"xxh3_128":"ab"}],)")).parts;
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(parts->front().kind, "header");
  EXPECT_EQ(parts->front().size, 7U);
  EXPECT_THAT(refusal(manifest("", R"("parts":[{"part":"header"}],)")), HasSubstr("m.json: no valid manifest (parts[0].name is missing);"));
  EXPECT_THAT(refusal(manifest("", R"("parts":7,)")), HasSubstr("m.json: no valid manifest (parts is 7, expected a list);"));
}

TEST(Manifest, PartsThatDifferAreNamed) {
  const std::vector<OutputPart> recorded{
      {"header", "", 7, "ab"}, {"file", "c\n", 2, "cd"}, {"file", "d", 2, "ef"}, {"header", "s", 9, "01"}};
  EXPECT_THAT(parts_that_differ(recorded, recorded), testing::IsEmpty());
  EXPECT_THAT(
      parts_that_differ(recorded, {{"file", "new", 2, "ef"}, {"header", "s", 8, "01"}, {"file", "c\n", 2, "ce"}, {"header", "", 7, "ab"}}),
      ElementsAre("c\\x0a is not what was written: XXH3-128 ce, the manifest has cd", "d is missing",
                  "the header of s: the file has 8 bytes, the manifest has 9"));
}

TEST(Manifest, OfAnotherFormIsRefused) {
  const std::string damaged = "; the manifest is damaged, take it from where the output came from";
  EXPECT_EQ(refusal("[]"), "m.json: format is not \"dare-manifest\"" + damaged);
  EXPECT_EQ(refusal(R"({"format":1})"), "m.json: no valid manifest (format is 1, expected a text)" + damaged);
  EXPECT_EQ(refusal(R"({"format":[]})"), "m.json: no valid manifest (format is a list, expected a text)" + damaged);
  EXPECT_EQ(refusal("{}"), "m.json: no valid manifest (format is missing)" + damaged);
  EXPECT_EQ(refusal("{"), "m.json: no valid manifest (ends in the middle, in line 1)" + damaged);
  EXPECT_EQ(refusal(""), "m.json: no valid manifest (ends in the middle, in line 1)" + damaged);
  EXPECT_THAT(refusal(R"({"format":1e999})"), testing::StartsWith("m.json: no valid manifest (a number that no float64 holds)"));
  const auto of_input = [](const std::string& files) {
    auto text = manifest("");
    const std::string sound = R"([{"name":"model.safetensors","size":12,"header_xxh3_128":"ab"}])";
    return refusal(text.replace(text.find(sound), sound.size(), files));
  };
  EXPECT_EQ(of_input(R"([{"name":"m","size":-1}])"),
            "m.json: no valid manifest (inputs[0].files[0].size is -1, expected a whole number from 0 up)" + damaged);
  EXPECT_EQ(of_input(R"([7])"), "m.json: no valid manifest (inputs[0].files[0] is 7, expected an object)" + damaged);
  EXPECT_EQ(of_input(R"({})"), "m.json: no valid manifest (inputs[0].files is an object, expected a list)" + damaged);
  EXPECT_EQ(refusal(R"({"format":"dare-manifest","format_version":2})"), "m.json: format_version 2, this program reads 1; use a newer one");
  EXPECT_EQ(refusal(manifest("", R"("tensors":[],)")), "m.json: no valid manifest (\"tensors\" stands twice)" + damaged);
  EXPECT_EQ(refusal(manifest("1")), "m.json: tensors is no list of tensors" + damaged);
  EXPECT_EQ(refusal(manifest("", R"("x":)" + std::string(100'000, '[') + std::string(100'000, ']') + ",")),
            "m.json: no valid manifest (nested deeper than 32 levels)" + damaged);
  std::string keys;
  for (int i = 0; i <= 1000; ++i) keys += fmt::format(R"("{}":0,)", i);
  EXPECT_EQ(refusal(manifest("", R"("x":{)" + keys + R"("last":0},)")),
            "m.json: no valid manifest (an object of more than 1000 keys)" + damaged);
  std::string lists;
  for (int i = 0; i < 1'000'000; ++i) lists += "[],";
  EXPECT_EQ(refusal(manifest(lists + "1")), "m.json: no valid manifest (more than 1000000 values)" + damaged);
}

TEST(Manifest, DamagedTensorsAreRefused) {
  const std::string damaged = "; the manifest is damaged, take it from where the output came from";
  const auto of = [&](const std::string& what) { return "m.json: tensor \"a\": " + what + damaged; };
  EXPECT_EQ(refusal(manifest(tensor("a", "[1]", k_hash) + "," + tensor("a", "[1]", k_hash))), of("stands twice"));
  EXPECT_EQ(refusal(manifest(tensor("a", "[1]", k_hash, "BF17"))), of("dtype \"BF17\" is unknown"));
  EXPECT_EQ(refusal(manifest(tensor("a", "[-1]", k_hash))), of("shape holds what is no number from 0 up"));
  EXPECT_EQ(refusal(manifest(tensor("a", "[1.5]", k_hash))), of("shape holds what is no number from 0 up"));
  EXPECT_EQ(refusal(manifest(tensor("a", "[4294967296,4294967296]", k_hash))),
            of("BF16 [4294967296, 4294967296] is no whole number of bytes below 2^60"));
  // As many blocks as a manifest says may not be made room for before its hashes are seen.
  EXPECT_EQ(refusal(manifest(tensor("a", "[576460752303423487]", k_hash))),
            of("32 digits of hashes, its 549755813888 blocks have 32 each"));
  EXPECT_EQ(refusal(manifest(tensor("a", "[1]", "000102030405060708090A0B0C0D0E0F"))), of("a hash holds what is no hexadecimal digit"));
  EXPECT_EQ(refusal(manifest(R"({"name":"a"})")), "m.json: no valid manifest (tensors[0].dtype is missing)" + damaged);
  EXPECT_EQ(refusal(manifest(tensor("a", "[1]", k_hash) + R"(,{"name":7,"dtype":"F32","shape":[],"xxh3_128":""})")),
            "m.json: no valid manifest (tensors[1].name is 7, expected a text)" + damaged);
}

std::string again(const std::string& yaml) {
  const auto first = recipe::parse(yaml, "r.yml", "", {});
  const auto json = recipe::recipe_json(first, *merge::find_method(first.method));
  const auto second = recipe::recipe_from_json(json, "m.json", "");
  EXPECT_EQ(recipe::recipe_json(second, *merge::find_method(second.method)), json);
  return json;
}

TEST(RecipeFromJson, IsTheSameRecipe) {
  again("merge_method: dare_linear\nbase_model: b\nmodels: [{model: \"m \\\"0\\\" \\u00e9\", parameters: {drop_rate: 0.1}}]");
  again(
      "merge_method: dare_ties\nbase_model: b\nseed: 18446744073709551615\ndtype: bf16\nexclude: [x, ^y]\nrows: extend\nmissing: skip\n"
      "nonfinite: keep\noverflow: saturate\nrounding: stochastic\nparameters: {density: 0.1, lambda: [0, 0.3, 1], sign: unweighted}\n"
      "models: [{model: m0, stream: 7, parameters: {weight: [{filter: up, value: [0, 1]}, {value: 0.3}], drop_rate: {filter: mlp, value: "
      "[0.5, 1]}}}, {model: m1}]");
  again("merge_method: dare_linear\nbase_model: b\ncompat: mergekit\nmodels: [{model: m0, parameters: {density: {filter: a, value: .2}}}]");
  again(
      "merge_method: dare_linear\nbase_model: b\ncompat: mergelm\ntensor_order: [x, y]\nmodels: [{model: m0, parameters: {drop_rate: "
      ".2}}]");
  again("merge_method: linear\nmodels: [{model: m0, parameters: {weight: 0.1}}, {model: m1}]");
  again("merge_method: slerp\nbase_model: b\nparameters: {t: 0.25}\nmodels: [{model: m0}]");
  again("merge_method: fisher\nbase_model: b\nmodels: [{model: m0, fisher: f0}, {model: m1, fisher: f1}]");
  again(
      "merge_method: della\nbase_model: b\nparameters: {epsilon: 0.2, drop_rate: 0.7}\nmodels: [{model: m0, parameters: {rescale: none}}]");
  again("merge_method: breadcrumbs\nbase_model: b\nparameters: {gamma: 0.02, density: 0.7}\nmodels: [{model: m0}]");
}

TEST(RecipeFromJson, OfAnotherProgramIsRefused) {
  EXPECT_THROW((void)recipe::recipe_from_json(R"({"operation":"convert"})", "m.json", ""), InputError);
  EXPECT_THROW((void)recipe::recipe_from_json("[]", "m.json", ""), InputError);
  EXPECT_THROW((void)recipe::recipe_from_json(R"({"models":[1]})", "m.json", ""), InputError);
}

TEST(Sample, IsAscendingWithinBoundsAndBySeed) {
  EXPECT_THAT(sample(3, 3, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(sample(3, 0, 0), ElementsAre());
  const auto one = sample(1'000'000, 1000, 1);
  EXPECT_EQ(one.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  EXPECT_LT(one.back(), 1'000'000U);
  EXPECT_EQ(one, sample(1'000'000, 1000, 1));
  EXPECT_NE(one, sample(1'000'000, 1000, 2));
  // Spread: each tenth of the numbers has 100 of them, standard deviation 9.5.
  for (std::uint64_t tenth = 0; tenth < 10; ++tenth) {
    const auto in = std::count_if(one.begin(), one.end(), [&](auto n) { return n / 100'000 == tenth; });
    EXPECT_GT(in, 55);
    EXPECT_LT(in, 145);
  }
}

}  // namespace
}  // namespace dare::pipeline
