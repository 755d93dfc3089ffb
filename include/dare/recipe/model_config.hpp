#pragma once
/// What a checkpoint's config.json says that a merge depends on.

#include <dare/checkpoint/header.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dare::recipe {

/// Plain value.
struct ModelConfig {
  /// The method that its quantization_config names ("gptq", "bitsandbytes", ...; "unnamed" where it names none); nothing without.
  std::optional<std::string> quantization;
  bool ties_embeddings = false;  ///< tie_word_embeddings; without it, the default of model_type where that is known to be true
  bool operator==(const ModelConfig&) const = default;
};

/// Pure. @throws InputError  `text` is no JSON object; `where` is the file, for the message
[[nodiscard]] ModelConfig parse_model_config(std::string_view text, const std::string& where);

/// Reads the config.json beside a checkpoint; nothing where it has none. Local: rank 0 calls it.
/// @throws InputError  it is no JSON object.  @throws IoError
[[nodiscard]] std::optional<ModelConfig> read_model_config(const checkpoint::Header& header);

/// Notes in the header what its config.json says of its embeddings, so that matching tensors needs no file. Local.
/// @return the config  @throws InputError, IoError  as read_model_config
std::optional<ModelConfig> note_config(checkpoint::Header& header);

}  // namespace dare::recipe
