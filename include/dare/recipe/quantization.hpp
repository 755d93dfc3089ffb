#pragma once
/// Telling quantised checkpoints, whose tensors are codes, from weights.

#include <dare/checkpoint/header.hpp>
#include <dare/recipe/model_config.hpp>

#include <optional>
#include <string>

namespace dare::recipe {

/// Why `header` looks quantised by its tensors' names and types, e.g. `tensor "h.0.qweight" (I32) holds packed codes`; nothing where it
/// does not. Pure.
[[nodiscard]] std::optional<std::string> quantization_in(const checkpoint::Header& header);

/// Why a checkpoint cannot be merged, if its config.json or its tensors show that it is quantised, and what to do. Pure.
[[nodiscard]] std::optional<std::string> why_quantised(const checkpoint::Header& header, const std::optional<ModelConfig>& config);

}  // namespace dare::recipe
