#include "recipe/describe.hpp"

#include "core/table.hpp"
#include "recipe/effective.hpp"
#include "recipe/names.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/policy_table.hpp"

#include <dare/core/plural.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <type_traits>

namespace dare::recipe {
namespace {

std::string line(std::string_view key, std::string_view value) {
  return fmt::format("{:<15}  {}\n", key, value);
}

std::string in_words(std::string_view key) {
  std::string words{key};
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

// The range of a setting's values, and by what they vary.
std::string in_short(const std::vector<Setting::Part>& parts) {
  std::vector<double> values;
  std::size_t filters = 0;
  bool gradient = false;
  for (const auto& part : parts) {
    values.insert(values.end(), part.values.begin(), part.values.end());
    if (!part.filter.empty()) ++filters;
    gradient = gradient || part.values.size() > 1;
  }
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  auto text = *least == *most ? fmt::format("{:.6g}", *least) : fmt::format("{:.6g} to {:.6g}", *least, *most);
  if (filters != 0) text += ", by " + plural(filters, "filter");
  if (gradient) text += filters != 0 ? " and layer" : ", by layer";
  return text;
}

// As drop rates, whichever way they were written.
std::string in_short(const RateSetting& rate) {
  std::vector<Setting::Part> parts;
  for (const auto& [density, part] : rate.parts) {
    auto& drop = parts.emplace_back(part);
    for (auto& value : drop.values) value = density ? 1 - value : value;
  }
  return in_short(parts);
}

template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, Setting>) return in_short(value.parts);
  else if constexpr (std::is_same_v<T, bool>) return value ? "yes" : "no";
  else if constexpr (std::is_enum_v<T>) return std::string{word_for(words_of(T{}), value)};
  else return fmt::format("{}", value);
}

std::string models(const Recipe& recipe, const merge::Method& method, std::size_t columns) {
  const bool streams = draws(method) && recipe.compat != merge::Compat::mergelm;
  Table::Row headings;
  std::vector<Table::Row> rows(recipe.models.size());
  for (const auto& row : parameters()) {
    if (is_of_models(row) && takes(method, row) && row.key != k_density) headings.push_back("<" + in_words(row.key));
  }
  if (streams) headings.emplace_back("stream");
  headings.emplace_back("<model");
  Table table{headings};
  for (const auto& model : recipe.models) {
    const auto effective = effective_model(recipe, method, model);
    Table::Row cells;
    for_each_value(effective, [&](const auto& row, const auto& value, auto) {
      if (!takes(method, row) || row.key == k_density) return;
      cells.push_back(row.key == k_drop_rate ? in_short(effective.rate) : value ? text_of(*value) : "");
    });
    if (streams) cells.push_back(std::to_string(model.stream));
    cells.push_back(model.written);
    table.add(std::move(cells));
  }
  return table.text(columns);
}

}  // namespace

std::string describe(const Recipe& recipe, std::size_t columns) {
  const auto& method = *merge::find_method(recipe.method);
  const auto effective = effective_method(recipe, method);
  const auto dtype = recipe.output_dtype();
  auto text = line("method", method.name);
  if (recipe.base) text += line("base", recipe.base->written);
  for_each_value(effective, [&](const auto& row, const auto& value, auto) {
    if (takes(method, row) && value) text += line(in_words(row.key), text_of(*value));
  });
  if (draws(method) || recipe.rounding == merge::Rounding::stochastic) text += line("seed", std::to_string(recipe.seed));
  text += line("output dtype", dtype ? std::string{name(*dtype)} : fmt::format("each tensor's in {}", recipe.frame().written));
  if (!recipe.exclude.empty()) text += line("excluded", fmt::format("{}", fmt::join(recipe.exclude, "  ")));
  for_each_policy([&](const PolicyRow& row, auto member) {
    if (recipe.*member != Recipe{}.*member) text += line(row.key, text_of(recipe.*member));
  });
  return text + '\n' + models(recipe, method, columns);
}

}  // namespace dare::recipe
