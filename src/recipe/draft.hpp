#pragma once
/// A recipe on its way from text: values, and where each was given.

#include "recipe/nearest.hpp"
#include "recipe/parameter_table.hpp"
#include "recipe/yaml_reader.hpp"

#include <dare/recipe/recipe.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::recipe {

struct Draft {
  Recipe recipe;
  bool compat_given = false;                          ///< on the command line, which has the last word on what `rescale: true` means
  std::string where;                                  ///< the recipe's name in messages; empty without one
  std::string base_named;                             ///< base_model as written, known before the other keys are read
  std::vector<std::optional<std::uint64_t>> streams;  ///< of recipe.models
  std::string rescale_true;                   ///< where the recipe says `rescale: true` last, unless an option overrides it; empty: nowhere
  std::map<std::string, std::string> places;  ///< "seed", "parameters.lambda", "models[0].weight" -> "recipe.yml:5" or "--lambda"

  [[nodiscard]] bool gives(const std::string& key) const { return places.contains(key); }
  /// Where `key` was given, else the recipe as a whole, as the start of a message.
  [[nodiscard]] std::string place(const std::string& key) const {
    const auto found = places.find(key);
    return found != places.end() ? found->second : where.empty() ? "command line" : where;
  }
};

/// "models[2]".
[[nodiscard]] std::string model_key(std::size_t model);

/// mergekit's forms of a number: scalar, gradient, or parts of {filter, value}.
[[nodiscard]] std::optional<Setting> read_setting(YamlReader& yaml, const YAML::Node& node, std::string_view name, const Range& range);

/// A mapping `parameters`, which stands at `prefix` ("parameters" or "models[0]"). @param whole_recipe  not of one model: the method's
/// belong there too.
void read_parameters(YamlReader& yaml, const YAML::Node& node, const std::string& prefix, Parameters& parameters, bool whole_recipe,
                     Draft& draft);

/// That no method has this name, and which may be meant.
[[nodiscard]] std::string unknown_method(std::string_view name);

/// Whether `key` is a parameter's, which stands under `parameters` alone.
[[nodiscard]] bool is_parameter(std::string_view key) noexcept;

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

/// Puts a parameter, as an option or a sweep gives it, in the place of what the draft says. `place` is where it was given.
void put(const ParameterRow& row, const ParameterValue& value, const std::string& place, Draft& draft, Problems& problems);

/// Puts the command line over the recipe.
void apply(const Overrides& overrides, Draft& draft, Problems& problems);

/// Says that the method which is named is not known; nothing where none is named.
void check_method_name(const Draft& draft, Problems& problems);

/// Fills in what follows from the rest (streams, the base among the models) and checks what needs no checkpoint.
void finish(Draft& draft, Problems& problems);

}  // namespace dare::recipe
