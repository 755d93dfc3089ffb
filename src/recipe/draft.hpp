#pragma once
/// A recipe on its way from text: values, and where each was given.

#include <dare/recipe/recipe.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
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
[[nodiscard]] inline std::string model_key(std::size_t model) {
  return "models[" + std::to_string(model) + "]";
}

}  // namespace dare::recipe
