/// The lines of a config.json that follow the output.
#include <dare/checkpoint/config_dtype.hpp>

#include <gtest/gtest.h>

namespace dare::checkpoint {
namespace {

TEST(ConfigDtype, BothNamesFollowAndNothingElseChanges) {
  EXPECT_EQ(with_torch_dtype(R"({ "torch_dtype" : "float32","a":1,"text_config":{"dtype":"float16"}, "dtypes": "float32"})", Dtype::bf16),
            R"({ "torch_dtype" : "bfloat16","a":1,"text_config":{"dtype":"bfloat16"}, "dtypes": "float32"})");
  EXPECT_EQ(with_torch_dtype(R"({"x": 1})", Dtype::bf16), R"({"x": 1})");
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
