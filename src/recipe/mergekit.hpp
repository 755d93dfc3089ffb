#pragma once
/// What mergekit's recipes hold and this program does not do, or does in one way only: answers that say what is near.

#include "recipe/draft.hpp"
#include "recipe/yaml_reader.hpp"

#include <optional>
#include <string_view>

namespace dare::recipe {

/// Why a key of mergekit's top level is not taken; nothing for other words.
[[nodiscard]] std::optional<std::string_view> why_not_taken(std::string_view key) noexcept;

/// What comes near a merge method that mergekit has and this program has not; nothing for other words.
[[nodiscard]] std::optional<std::string_view> near_method_of_mergekit(std::string_view method) noexcept;

/// Notes where a recipe file that says no `compat` leaves `normalize` or `rescale` to a default that is not mergekit's, or has mergekit's
/// `rescale: true`, and the other meaning gives another result but for chance: not where masks are drawn as DARE draws them.
void note_mergekits_defaults(Draft& draft, const merge::Method& method);

/// Reads `tokenizer`, `tokenizer_source` and `chat_template`, which may ask for what is done anyway: the base's files are copied. All else
/// is refused. False: `entry` is none of them.
bool read_copied_files(YamlReader& yaml, const YamlReader::Entry& entry, Draft& draft);

}  // namespace dare::recipe
