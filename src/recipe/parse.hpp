#pragma once
/// From YAML to a draft.

#include "recipe/draft.hpp"
#include "recipe/yaml_reader.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dare::recipe {

/// Says that `entry` is no key that belongs there.
void refuse_unknown(YamlReader& yaml, const YamlReader::Entry& entry, std::string_view where, const std::vector<std::string_view>& known);

/// The checkpoint at `written`, relative to `folder`.
[[nodiscard]] Source source_at(const std::string& written, const std::filesystem::path& folder);

/// The keys of a recipe's top level.
[[nodiscard]] const std::vector<std::string_view>& recipe_keys() noexcept;

/// One or more models, as under `models`.
void read_models(YamlReader& yaml, const YAML::Node& list, const std::filesystem::path& folder, Draft& draft);

/// Some entries of a document's top level.
void read_recipe(YamlReader& yaml, const std::vector<YamlReader::Entry>& entries, const std::filesystem::path& folder, Draft& draft);

/// A whole document.
void read_recipe(YamlReader& yaml, const YAML::Node& root, const std::filesystem::path& folder, Draft& draft);

}  // namespace dare::recipe
