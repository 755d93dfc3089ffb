#include "recipe/describe.hpp"

#include "recipe/support.hpp"

namespace dare::recipe {
namespace {

using test::parsed;

TEST(Describe, MethodModelsAndWhatTheyTake) {
  EXPECT_EQ(
      describe(parsed("merge_method: dare_linear\nbase_model: llama/\nseed: 42\ndtype: bfloat16\ncompat: none\nparameters: {lambda: 0.7}\n"
                      "models:\n- {model: math/, parameters: {weight: 0.5, drop_rate: 0.9}}\n- {model: code/, parameters: {density: 0.3}}"),
               80),
      "method           dare_linear\n"
      "base             llama/\n"
      "lambda           0.7\n"
      "normalize        no\n"
      "seed             42\n"
      "output dtype     BF16\n"
      "\n"
      "weight  drop rate  rescale   stream  model\n"
      "0.5     0.9        expected       0  math/\n"
      "1       0.7        expected       1  code/\n");
}

TEST(Describe, WhatDependsOnTheTensorIsShort) {
  const auto text = describe(parsed("merge_method: dare_linear\nbase_model: b\nexclude: [^lm_head, norm]\nmissing: base\n"
                                    "models: [{model: m, parameters: {weight: [0, 0.5, 1], drop_rate: [{filter: mlp, value: 0.9}, "
                                    "{filter: attn, value: [0.2, 0.4]}, {value: 0.5}]}}]"),
                             0);
  EXPECT_NE(text.find("output dtype     each tensor's in b\nexcluded         ^lm_head  norm\nmissing          base\n\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\n0 to 1, by layer  0.2 to 0.9, by 2 filters and layer  expected       0  m\n"), std::string::npos) << text;
}

TEST(Describe, OnlyWhatTheMethodTakes) {
  EXPECT_EQ(describe(parsed("merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 3}}]"), 0),
            "method           linear\noutput dtype     each tensor's in a\n\nweight  model\n1       a\n3       b\n");
}

TEST(Describe, LongNamesStandAboveInANarrowTerminal) {
  const std::string name(90, 'm');
  EXPECT_NE(describe(parsed("merge_method: dare_linear\nbase_model: b\nmodels: [{model: " + name + ", parameters: {drop_rate: 0.9}}]"), 80)
                .find("\n" + name + "\n  1       0.9        expected       0\n"),
            std::string::npos);
}

}  // namespace
}  // namespace dare::recipe
