#include "recipe/policy_table.hpp"

#include "recipe/describe.hpp"
#include "recipe/names.hpp"
#include "recipe/parse.hpp"
#include "recipe/recipe_json.hpp"
#include "recipe/support.hpp"

#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

namespace dare::recipe {
namespace {

using nlohmann::json;
using test::parsed;
using test::with;

json in_manifest(const Recipe& recipe) {
  return json::parse(recipe_json(recipe, *merge::find_method(recipe.method)));
}

TEST(PolicyTable, AllMembersHaveARow) {
  EXPECT_EQ(policies().size(), std::variant_size_v<PolicyMember>);
}

TEST(PolicyTable, EachIsDocumentedWithItsWordsAndItsDefault) {
  const auto text = read_text(DARE_TEST_DATA "/../../docs/reference.md");
  for_each_policy([&]<class Enum>(const PolicyRow& row, Enum Recipe::*member) {
    const auto first = text.find(fmt::format("\n| `{}` | ", row.key));
    ASSERT_NE(first, std::string::npos) << row.key;
    const auto line = text.substr(first + 1, text.find('\n', first + 1) - first - 1);
    for (const auto& word : words_of(Enum{})) EXPECT_NE(line.find(fmt::format("`{}`", word.first)), std::string::npos) << line;
    EXPECT_TRUE(line.ends_with(fmt::format("| `{}` |", word_for(words_of(Enum{}), Recipe{}.*member)))) << line;
  });
}

TEST(PolicyTable, AnOptionAndAKeyReachManifestAndDescription) {
  const auto plain = parsed(with(""));
  for_each_policy([&]<class Enum>(const PolicyRow& row, Enum Recipe::*member) {
    const std::string key{row.key};
    EXPECT_EQ(in_manifest(plain)[key], word_for(words_of(Enum{}), Recipe{}.*member));
    EXPECT_EQ(describe(plain, 0).find("\n" + key + " "), std::string::npos);
    const auto [word, value] = words_of(Enum{}).back();
    Overrides over;
    over.policies.emplace(key, word);
    for (const auto& recipe : {parsed(with(fmt::format("{}: {}\n", key, word))), parsed(with(""), over)}) {
      EXPECT_EQ(recipe.*member, value) << key;
      EXPECT_EQ(in_manifest(recipe)[key], word);
      EXPECT_NE(describe(recipe, 0).find(fmt::format("\n{:<15}  {}\n", key, word)), std::string::npos) << describe(recipe, 0);
    }
    EXPECT_NE(std::find(recipe_keys().begin(), recipe_keys().end(), key), recipe_keys().end());
  });
}

TEST(PolicyTable, OtherWordsAreRefusedWhereTheyStand) {
  for_each_policy([&]<class Enum>(const PolicyRow& row, Enum Recipe::*) {
    const std::string key{row.key};
    Overrides over;
    over.policies.emplace(key, "x");
    EXPECT_EQ(test::parse_error(with(""), over), fmt::format("2: --{}: expected {}, found \"x\"", key, one_of(words_of(Enum{}))));
    EXPECT_EQ(test::parse_error(with(key + ": x\n")),
              fmt::format("2: r.yml:4: {}: expected {}, found \"x\"", key, one_of(words_of(Enum{}))));
  });
}

}  // namespace
}  // namespace dare::recipe
