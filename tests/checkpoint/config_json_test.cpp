/// The lines of a config.json that follow the output.
#include <dare/checkpoint/config_json.hpp>

#include <gtest/gtest.h>

namespace dare::checkpoint {
namespace {

TEST(ConfigDtype, BothNamesFollowAndNothingElseChanges) {
  EXPECT_EQ(with_torch_dtype(R"({ "torch_dtype" : "float32","a":1,"text_config":{"dtype":"float16"}, "dtypes": "float32"})", Dtype::bf16),
            R"({ "torch_dtype" : "bfloat16","a":1,"text_config":{"dtype":"bfloat16"}, "dtypes": "float32"})");
  EXPECT_EQ(with_torch_dtype(R"({"x": 1})", Dtype::bf16), R"({"x": 1})");
}

TEST(ConfigDtype, TextsOfAnyLength) {
  const std::string spaces(1'000'000, ' ');
  EXPECT_EQ(with_torch_dtype("{\"dtype\"" + spaces + ":" + spaces + "\"float32\"}", Dtype::bf16),
            "{\"dtype\"" + spaces + ":" + spaces + "\"bfloat16\"}");
  const auto word = R"({"torch_dtype":")" + std::string(1'000'000, 'a');
  EXPECT_EQ(with_torch_dtype(word, Dtype::bf16), word);
  EXPECT_EQ(with_torch_dtype(word + "\"}", Dtype::bf16), R"({"torch_dtype":"bfloat16"})");
  EXPECT_EQ(with_vocab_size("{\"vocab_size\"" + spaces + ":" + spaces + "50", {{50, 61}}),
            "{\"vocab_size\"" + spaces + ":" + spaces + "61");
  const auto digits = R"({"vocab_size":)" + std::string(1'000'000, '5');
  EXPECT_EQ(with_vocab_size(digits, {{5, 6}}), digits);
}

TEST(ConfigDtype, WhatIsNoKeyStays) {
  for (const auto* const text : {R"("dtype)", R"("dtype")", R"("dtype":)", R"("dtype": ")", R"("dtype": "x)", R"("dtype": "")",
                                 R"("dtype": "a b")", R"("dtype" "float32")", R"("dtype": float32)", R"("my_dtype": "float32")", "\""}) {
    EXPECT_EQ(with_torch_dtype(text, Dtype::bf16), text);
  }
  EXPECT_EQ(with_torch_dtype(R"("dtype": "dtype": "float32")", Dtype::bf16), R"("dtype": "bfloat16": "float32")");
}

TEST(ConfigVocabulary, EachSizeThatGrewFollows) {
  EXPECT_EQ(with_vocab_size("{\"vocab_size\" : 50,\n \"text_config\": {\"vocab_size\":50}, \"hidden_size\": 50}", {{50, 61}}),
            "{\"vocab_size\" : 61,\n \"text_config\": {\"vocab_size\":61}, \"hidden_size\": 50}");
  EXPECT_EQ(with_vocab_size(R"({"vocab_size": 50, "e": {"vocab_size": 61}})", {{50, 61}, {61, 70}}),
            R"({"vocab_size": 61, "e": {"vocab_size": 70}})");
}

TEST(ConfigVocabulary, OtherSizesStay) {
  for (const auto* const text : {R"({"vocab_size": 5})", R"({"vocab_size": 500})", R"({"vocab_size": 50.5})", R"({"vocab_size": "50"})",
                                 R"({"vocab_size": -50})", R"({"my_vocab_size": 50})", "", "no JSON"}) {
    EXPECT_EQ(with_vocab_size(text, {{50, 61}}), text);
  }
  EXPECT_EQ(with_vocab_size(R"({"vocab_size": 50})", {}), R"({"vocab_size": 50})");
}

}  // namespace
}  // namespace dare::checkpoint
