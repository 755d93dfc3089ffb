#include "app/merge_options.hpp"

#include "app/options.hpp"
#include "recipe/names.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/policy_table.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

namespace dare::app {
namespace {

std::map<std::string, OptionFacts> options_of(const Program& program) {
  std::map<std::string, OptionFacts> options;
  for (const auto& group : option_groups_of(program)) {
    for (const auto& option : group.options) EXPECT_TRUE(options.emplace(option.name, option).second) << option.name;
  }
  return options;
}

pipeline::MergeOptions parsed(std::vector<std::string> words) {
  namespace po = boost::program_options;
  const auto program = merge_program();
  po::options_description all;
  for (const auto& group : program.groups) all.add(group);
  all.add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("words", -1);
  Given given;
  words.insert(words.end(), {"recipe.yml", "out/"});
  po::store(po::command_line_parser(words).options(all).positional(positional).run(), given);
  return merge_options_from(given);
}

TEST(MergeOptions, EachPolicyIsOneWithItsWordsAndItsDefault) {
  const auto options = options_of(merge_program());
  recipe::for_each_policy([&]<class Enum>(const recipe::PolicyRow& row, Enum recipe::Recipe::*member) {
    const std::string name{row.key};
    ASSERT_TRUE(options.contains(name)) << name;
    const auto& words = recipe::words_of(Enum{});
    const auto& option = options.at(name);
    EXPECT_EQ(option.words.size(), words.size());
    for (const auto& word : words) EXPECT_THAT(option.words, testing::Contains(word.first));
    EXPECT_THAT(option.description, testing::EndsWith(fmt::format(" ({})", recipe::word_for(words, recipe::Recipe{}.*member))));
    const auto said = parsed({"--" + name, std::string{words.back().first}}).overrides.policies;
    EXPECT_THAT(said, testing::ElementsAre(testing::Pair(name, words.back().first)));
  });
}

TEST(MergeOptions, EachParameterIsOneAndIsReadFromIt) {
  const auto options = options_of(merge_program());
  for (const auto& row : recipe::parameters()) {
    const auto name = recipe::option_of(row);
    ASSERT_TRUE(options.contains(name)) << name;
    const auto& option = options.at(name);
    EXPECT_EQ(option.value_name, row.value_name);
    std::vector<std::string> words{"--" + name};
    if (option.takes_value) words.push_back(option.words.empty() ? "0.5" : option.words.back());
    EXPECT_TRUE(parsed(words).overrides.parameters.contains(row.key)) << name;
  }
  EXPECT_TRUE(parsed({}).overrides.parameters.empty());
}

}  // namespace
}  // namespace dare::app
