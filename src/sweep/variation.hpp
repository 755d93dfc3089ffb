#pragma once
/// Settings that differ between the points of a sweep.

#include "recipe/draft.hpp"
#include "recipe/yaml_reader.hpp"

#include <dare/core/error.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::sweep {

/// One value of one setting.
struct Variation {
  std::string key;
  std::string text;   ///< the value in one way of writing, fit for a file's name: "0.9", "0.5+0.9" (one a model)
  std::string place;  ///< "sweep.yml:7"
  /// Puts the value into a draft of a recipe, in place of what it says.
  std::function<void(recipe::Draft&, Problems&)> apply;
};

/// Keys of `grid` and of a point, in the order in which they are applied.
[[nodiscard]] const std::vector<std::string_view>& variation_keys() noexcept;

/// Reads one value of `key`, one of variation_keys(); nothing where it has reported a problem. `models` is read by read_model_set().
[[nodiscard]] std::optional<Variation> read_variation(recipe::YamlReader& yaml, const std::string& key, const YAML::Node& value);

/// Reads a set of models, {base_model: ..., models: [...]}. Without a base_model the recipe's base stays.
/// @param folder  that relative paths are relative to.
[[nodiscard]] std::optional<Variation> read_model_set(recipe::YamlReader& yaml, const recipe::YamlReader::Entry& set,
                                                      const std::filesystem::path& folder);

/// Whether `text` can be a file's name here: letters, digits and ._+=,- with no leading dot or dash, at most 200.
[[nodiscard]] bool is_plain_name(std::string_view text) noexcept;

}  // namespace dare::sweep
