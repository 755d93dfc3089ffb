#include <dare/recipe/model_config.hpp>

#include "recipe/support.hpp"

namespace dare::recipe {
namespace {

std::optional<std::string> quantization(const std::string& text) {
  return parse_model_config(text, "config.json").quantization;
}

TEST(ModelConfig, NamesTheMethodOfQuantisation) {
  EXPECT_EQ(quantization(R"({"quantization_config": {"quant_method": "gptq", "bits": 4}})"), "gptq");
  EXPECT_EQ(quantization(R"({"text_config": {"quantization_config": {"quant_method": "awq"}}})"), "awq");
  EXPECT_EQ(quantization(R"({"compression_config": {"format": "pack-quantized"}})"), "unnamed");
}

TEST(ModelConfig, WithoutAMethodIsOfWeights) {
  for (const auto* const text : {"{}", R"({"quantization_config": null})", R"({"quantization_config": {}})"}) {
    EXPECT_EQ(quantization(text), std::nullopt) << text;
  }
}

TEST(ModelConfig, TiesEmbeddingsIfItSaysSo) {
  EXPECT_TRUE(parse_model_config(R"({"tie_word_embeddings": true})", "c").ties_embeddings);
  for (const auto* const text : {"{}", R"({"tie_word_embeddings": false})", R"({"tie_word_embeddings": "true"})"}) {
    EXPECT_FALSE(parse_model_config(text, "c").ties_embeddings) << text;
  }
}

TEST(ModelConfig, WhereItSaysNothingItsFamilyDecides) {
  for (const auto* const text : {R"({"model_type": "gpt2"})", R"({"model_type": "gemma2", "vocab_size": 4})"}) {
    EXPECT_TRUE(parse_model_config(text, "c").ties_embeddings) << text;
  }
  for (const auto* const text :
       {R"({"model_type": "llama"})", R"({"model_type": "unheard_of"})", R"({"model_type": 2})",
        R"({"model_type": "gpt2", "tie_word_embeddings": false})", R"({"model_type": "gpt2", "tie_word_embeddings": null})"}) {
    EXPECT_FALSE(parse_model_config(text, "c").ties_embeddings) << text;
  }
}

TEST(ModelConfig, ADamagedOneIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "0 bytes are no JSON object (ends in the middle, in line 1)"},
      {"[1]", "3 bytes are no JSON object"},
      {"no JSON", "7 bytes are no JSON object (line 1, column 2: no JSON)"},
      {"{\"a\": 1\n", "8 bytes are no JSON object (ends in the middle, in line 2)"}};
  for (const auto& [text, why] : cases) {
    EXPECT_EQ(test::error_of([&, &json = text] { (void)parse_model_config(json, "b: config.json"); }),
              "3: b: config.json: its " + why + "; fetch it again, or take it away");
  }
}

TEST(ModelConfig, IsReadWhereThereIsOne) {
  auto header = test::header("b", {});
  EXPECT_EQ(read_model_config(header), std::nullopt);
  note_config(header);
  EXPECT_FALSE(header.ties_embeddings);
  const test::Config config{R"({"tie_word_embeddings": true})"};
  config.beside(header);
  EXPECT_TRUE(header.ties_embeddings);
}

}  // namespace
}  // namespace dare::recipe
