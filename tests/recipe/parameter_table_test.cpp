#include "recipe/parameter_table.hpp"

#include "recipe/names.hpp"
#include "recipe/recipe_json.hpp"
#include "recipe/support.hpp"

#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <regex>
#include <set>

namespace dare::recipe {
namespace {

using test::parsed;

// A value of each type, which is no default.
struct AnyValue {
  template <class Holder, class T>
  ParameterValue operator()(std::optional<T> Holder::*) const {
    if constexpr (std::is_same_v<T, bool>) return true;
    else if constexpr (std::is_enum_v<T>) return std::string{words_of(T{}).back().first};
    else if constexpr (std::is_same_v<T, std::uint64_t>) return std::vector{7.0};
    else return std::vector{0.25};
  }
};

std::string_view method_that_takes(const ParameterRow& row) {
  const auto methods = merge::methods();
  return std::find_if(methods.begin(), methods.end(), [&](const auto& method) { return takes(method, row); })->name;
}

TEST(ParameterTable, EachIsDocumentedInItsPlace) {
  const auto text = read_text(DARE_TEST_DATA "/../../docs/reference.md");
  std::map<std::string, std::string> where;
  std::smatch line;
  for (auto rest = text; std::regex_search(rest, line, std::regex{R"(\n\| ((?:`\w+`(?:, )?)+) \| (model or global|global) \|)"});) {
    const auto keys = line[1].str();
    const std::regex key{R"(\w+)"};
    for (std::sregex_iterator it{keys.begin(), keys.end(), key}; it != std::sregex_iterator{}; ++it) where[it->str()] = line[2];
    rest = line.suffix();
  }
  EXPECT_EQ(where.size(), parameters().size());
  for (const auto& row : parameters()) EXPECT_EQ(where[std::string{row.key}], is_of_models(row) ? "model or global" : "global") << row.key;
}

TEST(ParameterTable, EachHasAnOptionOfItsOwn) {
  std::set<std::string> options;
  for (const auto& row : parameters()) {
    EXPECT_TRUE(options.insert(option_of(row)).second) << row.key;
    EXPECT_FALSE(row.help.empty()) << row.key;
    EXPECT_EQ(find_parameter(row.key), &row);
  }
  EXPECT_TRUE(options.contains("drop-rate"));
  EXPECT_EQ(find_parameter("drop-rate"), nullptr);
}

// What an option sets is in the manifest, and a recipe that says the same is the same.
TEST(ParameterTable, EachReachesTheManifest) {
  for (const auto& row : parameters()) {
    const auto* const method = merge::find_method(method_that_takes(row));
    const std::string models = "models:\n- {model: m, fisher: f}\n- {model: n, fisher: f}\n";
    auto text = fmt::format("merge_method: {}\nbase_model: b\n{}", method->name,
                            method->most_models == 1                       ? "models: [{model: m}]\n"
                            : auxiliary(*method) == merge::Auxiliary::none ? "models: [{model: m}, {model: n}]\n"
                            : auxiliary(*method) == merge::Auxiliary::gram ? std::regex_replace(models, std::regex{"fisher"}, "gram")
                                                                           : models);
    text += "parameters: {";
    if (method->sparsifier != merge::Sparsifier::none && !is_rate(row)) text += "drop_rate: 0.5, ";
    if (merge::takes(*method, merge::Parameter::t) && row.key != "t") text += "t: 0.5, ";
    Overrides over;
    over.parameters.emplace(row.key, std::visit(AnyValue{}, row.member));
    const auto json = nlohmann::json::parse(recipe_json(parsed(text + "}", over), *method));
    const auto plain = nlohmann::json::parse(recipe_json(parsed(text + (is_rate(row)     ? "drop_rate: 0.5}"
                                                                        : row.key == "t" ? "t: 0.5}"
                                                                                         : "}")),
                                                         *method));
    const auto& at = is_of_models(row) ? json["models"][0] : json["parameters"];
    ASSERT_TRUE(at.contains(row.key)) << row.key << at;
    EXPECT_NE(json, plain) << row.key;
    const auto said = parsed(fmt::format("{}{}: {}}}", text, row.key, at[std::string{row.key}].dump()));
    EXPECT_EQ(nlohmann::json::parse(recipe_json(said, *method)), json) << row.key;
  }
}

// What --help says of a parameter that is left out is what the manifest then records.
TEST(ParameterTable, EachDefaultIsTheDocumentedOne) {
  std::size_t compared = 0;
  for (const auto& row : parameters()) {
    if (row.otherwise.empty() || row.otherwise == "the method's") continue;
    const auto* const method = merge::find_method(method_that_takes(row));
    const std::string key{key_of(auxiliary(*method))};
    const auto auxiliaries = key.empty() ? "" : fmt::format(", {}: f", key);
    auto text = fmt::format("merge_method: {}\nbase_model: b\nmodels: [{{model: m{}}}", method->name, auxiliaries);
    text += method->most_models == 1 ? "]\n" : fmt::format(", {{model: n{}}}]\n", auxiliaries);
    if (method->sparsifier != merge::Sparsifier::none) text += "parameters: {drop_rate: 0.5}\n";
    const auto json = nlohmann::json::parse(recipe_json(parsed(text), *method));
    const auto& value = (is_of_models(row) ? json["models"][0] : json["parameters"])[std::string{row.key}];
    const auto documented = nlohmann::json::parse(row.otherwise, nullptr, false);
    EXPECT_EQ(value, documented.is_discarded() ? nlohmann::json(row.otherwise) : documented) << row.key;
    ++compared;
  }
  EXPECT_GE(compared, 10U);
}

TEST(ParameterTable, WholeNumbersAreAskedFor) {
  Overrides over;
  over.parameters["max_iter"] = std::vector{2.5};
  const std::string yaml = "merge_method: karcher\nmodels: [{model: m}, {model: n}]\n";
  EXPECT_EQ(test::parse_error(yaml, over), "2: --max-iter: 2.5 is no whole number");
  over.parameters["max_iter"] = std::vector{0.0};
  EXPECT_EQ(test::parse_error(yaml, over), "2: --max-iter: 0 is outside [1, 1000000]");
}

}  // namespace
}  // namespace dare::recipe
