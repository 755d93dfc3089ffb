#pragma once
/// What adapter_config.json says about the arithmetic.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dare::checkpoint::lora {

struct Config {
  double alpha = 8;
  std::uint64_t rank = 8;
  bool rank_stabilised = false;                               ///< scale = alpha / sqrt(rank) in place of alpha / rank
  bool fan_in_fan_out = false;                                ///< the base stores linear weights transposed
  std::vector<std::pair<std::string, double>> alpha_pattern;  ///< in the file's order: the first match wins
  std::vector<std::pair<std::string, std::uint64_t>> rank_pattern;

  [[nodiscard]] std::uint64_t rank_of(std::string_view module) const;
  /// What the product of `module`'s factors is multiplied by.
  [[nodiscard]] double scale_of(std::string_view module) const;
};

/// @param path  for messages.
/// @throws InputError  no LoRA configuration, or one that asks for more than scaled products of two matrices, by name.
[[nodiscard]] Config parse_config(const std::filesystem::path& path, std::string_view text);

}  // namespace dare::checkpoint::lora
