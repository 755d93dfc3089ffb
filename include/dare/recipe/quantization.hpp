#pragma once
/// Telling quantised checkpoints, whose tensors are codes, from weights.

#include <dare/checkpoint/header.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dare::recipe {

/// The method that a config.json's quantization_config names ("gptq", "bitsandbytes", ...; "unnamed" where it names none); nothing
/// where `config` has no such entry or is no JSON. Pure.
[[nodiscard]] std::optional<std::string> quantization_in(std::string_view config);

/// Why `header` looks quantised by its tensors' names and types, e.g. `tensor "h.0.qweight" (I32) holds packed codes`; nothing where it
/// does not. Pure.
[[nodiscard]] std::optional<std::string> quantization_in(const checkpoint::Header& header);

/// What a checkpoint's config.json says of it if it is quantised, and what to do; nothing where it is not. Local; reads the side file.
/// @throws IoError  config.json cannot be read
[[nodiscard]] std::optional<std::string> quantised_by_config(const checkpoint::Header& header);

}  // namespace dare::recipe
