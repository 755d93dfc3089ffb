#pragma once
/// The mappings `parameters` of recipes.

#include "recipe/draft.hpp"
#include "recipe/yaml_reader.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dare::recipe {

/// mergekit's forms of a number: scalar, gradient, or parts of {filter, value}.
[[nodiscard]] std::optional<Setting> read_setting(YamlReader& yaml, const YAML::Node& node, std::string_view name, const Range& range);

/// A mapping `parameters`, which stands at `prefix` ("parameters" or "models[0]"). @param whole_recipe  not of one model: the method's
/// belong there too.
void read_parameters(YamlReader& yaml, const YAML::Node& node, const std::string& prefix, Parameters& parameters, bool whole_recipe,
                     Draft& draft);

/// Whether `key` is a parameter's, which stands under `parameters` alone.
[[nodiscard]] bool is_parameter(std::string_view key) noexcept;

}  // namespace dare::recipe
