// YAML that is wrong, or made to hurt.
#include "recipe/support.hpp"

#include <gmock/gmock.h>

namespace dare::recipe {
namespace {

using test::parse_error;
using test::parsed;
using test::with;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string models(const std::string& entries) {
  return "merge_method: dare_linear\nbase_model: b\nmodels:\n" + entries;
}

TEST(Hostile, NoYaml) {
  EXPECT_EQ(parse_error(""), "2: r.yml: is empty; a recipe has at least merge_method and models");
  EXPECT_EQ(parse_error("a: 1\nb: [1, 2\nc: 3\n"), "2: r.yml:3: is no valid YAML: end of sequence flow not found");
  EXPECT_EQ(parse_error("a:\n\t- b: 1\n"),
            "2: r.yml:2: is no valid YAML: illegal block entry; a tab indents this line, YAML takes spaces alone");
  const std::string colon = "2: r.yml:1: is no valid YAML: illegal map value";
  EXPECT_EQ(parse_error("evaluate: echo a: 1\nb: 1\n"),
            colon + "; the value of evaluate holds a colon and a space: quote it, or write it below `evaluate: >-`");
  EXPECT_EQ(parse_error("a b: c: d"), colon);
  EXPECT_EQ(parse_error("a: *nowhere"), "2: r.yml:1: is no valid YAML: the referenced anchor is not defined");
}

TEST(Hostile, NotOneMapping) {
  EXPECT_EQ(parse_error("just words"), "2: r.yml:1: a recipe: expected a mapping, found \"just words\"");
  EXPECT_EQ(parse_error("- a\n- b\n"), "2: r.yml:1: a recipe: expected a mapping, found a list");
  EXPECT_EQ(parse_error(with("---\nseed: 1\n")), "2: r.yml: holds several YAML documents, expected one");
  EXPECT_EQ(parse_error(",erge_method: ties\n"), "2: r.yml: holds several YAML documents, expected one");
  EXPECT_EQ(parse_error(with("? [a, b]\n: 1")), "2: r.yml:4: a recipe: expected a key that is a word, found a list");
}

TEST(Hostile, AnchorsAliasesAndMergeKeysWork) {
  const auto recipe =
      parsed(models("- {model: m0, parameters: &p {weight: 0.5, drop_rate: 0.9}}\n"
                    "- {model: m1, parameters: *p}\n"
                    "- {model: m2, parameters: {<<: *p, weight: 0.25}}\n"
                    "- {model: m3, parameters: {weight: 0.125, <<: [{weight: 9}, *p]}}\n"));
  ASSERT_EQ(recipe.models.size(), 4U);
  const std::vector<double> weights{0.5, 0.5, 0.25, 0.125};
  for (std::size_t k = 0; k < weights.size(); ++k) {
    EXPECT_EQ(recipe.models[k].parameters.weight, Setting::constant(weights[k])) << k;
    EXPECT_EQ(recipe.models[k].parameters.drop_rate, Setting::constant(0.9)) << k;
  }
}

TEST(Hostile, MergeKeysOfWrongKinds) {
  EXPECT_EQ(parse_error(with("<<: 5")), "2: r.yml:4: <<: expected a mapping, found \"5\"");
  EXPECT_EQ(parse_error(with("<<: [5]")), "2: r.yml:4: <<: expected a mapping, found \"5\"");
}

TEST(Hostile, AMappingMergedIntoItself) {
  EXPECT_THAT(parse_error(models("- &m\n  <<: *m\n  model: a\n")),
              AnyOf(HasSubstr("merge keys (<<) nest deeper than 16"), HasSubstr("is no valid YAML")));
}

TEST(Hostile, AliasesThatMultiply) {
  std::string bomb = "a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    bomb += std::string{c} + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string{"*"} + static_cast<char>(c - 1) + (i < 9 ? ", " : "]\n");
  }
  EXPECT_THAT(parse_error(bomb + "merge_method: *k\nmodels: *k\n"), StartsWith("2: "));

  std::string wide = "merge_method: dare_linear\nbase_model: b\nmodels: [{model: m, parameters: {drop_rate: 0, weight: &w [";
  for (int i = 0; i < 999; ++i) wide += "1, ";
  wide += "1]}}";
  for (int i = 0; i < 200; ++i) wide += ", {model: m, parameters: {drop_rate: 0, weight: *w}}";
  EXPECT_EQ(parse_error(wide + "]"), "2: r.yml:3: the recipe expands to more than 100000 values");
}

TEST(Hostile, DeepNesting) {
  for (const std::string open : {"[", "{a: ", "- ", "? "}) {
    std::string text = "models: ";
    if (open == "- " || open == "? ") text.clear();
    for (int i = 0; i < 100'000; ++i) text += open;
    EXPECT_THAT(parse_error(text), StartsWith("2: r.yml:")) << open;
  }
}

TEST(Hostile, TooLarge) {
  EXPECT_EQ(parse_error(with("# " + std::string(1 << 20, 'x'))), "2: r.yml: 1048669 bytes, a recipe has at most 1048576");
}

TEST(Hostile, BytesThatAreNoText) {
  std::string junk;
  for (int i = 0; i < 256; ++i) junk += static_cast<char>(i);
  EXPECT_THAT(parse_error(junk), StartsWith("2: r.yml:"));
  EXPECT_THAT(parse_error(with("seed: " + junk.substr(128))), StartsWith("2: r.yml:4: seed: expected a whole number"));
}

TEST(Hostile, TextIsShownShortAndWithoutControlCharacters) {
  EXPECT_EQ(parse_error(with("seed: \"\\e[2Ja\\nb\"")),
            "2: r.yml:4: seed: expected a whole number from 0 to 18446744073709551615, found \"\\x1b[2Ja\\x0ab\"");
  EXPECT_THAT(parse_error(with(std::string(1000, 'k') + ": 1")),
              StartsWith("2: r.yml:4: unknown key \"" + std::string(60, 'k') + "...\" in a recipe; known here: "));
}

TEST(Hostile, EveryPrefixOfARecipeIsReadOrRefused) {
  const auto whole = models("- model: m0\n  parameters: {weight: [1, 2], drop_rate: [{filter: a, value: .5}, {value: 0.1}]}\n") +
                     "parameters: {lambda: 1}\nexclude: ['a|b']\ndtype: bfloat16\n";
  int read = 0;
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    const auto error = parse_error(whole.substr(0, n));
    if (error.empty()) ++read;
    EXPECT_TRUE(error.empty() || error.starts_with("2: ")) << n << error;
  }
  EXPECT_GT(read, 3);
}

TEST(Hostile, ManyProblemsAreListedAtOnce) {
  const auto error =
      parse_error("merge_method: dare_linear\nbase_model: [b]\nseed: x\nfoo: 1\nmodels:\n- {model: m, parameters: {drop_rate: 2}}\n");
  EXPECT_EQ(error.substr(0, error.find("known here")),
            "2: 4 problems found:\n"
            "  r.yml:2: base_model: expected a text, found a list\n"
            "  r.yml:3: seed: expected a whole number from 0 to 18446744073709551615, found \"x\"\n"
            "  r.yml:4: unknown key \"foo\" in a recipe; ");
  EXPECT_THAT(error, HasSubstr("\n  r.yml:6: drop_rate: 2 is outside [0, 1]"));
}

}  // namespace
}  // namespace dare::recipe
