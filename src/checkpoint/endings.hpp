#pragma once
/// The one table of the endings that files of weights have.

#include <dare/checkpoint/header.hpp>
#include <dare/checkpoint/output.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dare::checkpoint {

struct Ending {
  std::string_view text;              ///< with its dot
  std::optional<Format> read;         ///< as what such a file is read; nothing: it is not
  std::optional<OutputKind> written;  ///< what an output of that name is; nothing: it is refused
  bool beside = false;                ///< may hold something else than weights beside them, and goes along with the model
};

/// The row of an ending such as ".h5", in lower case; null for those that are none of weights.
[[nodiscard]] const Ending* find_ending(std::string_view ending) noexcept;

/// Those that are read, in words: ".safetensors, .h5 or .bin".
[[nodiscard]] std::string readable_endings();

}  // namespace dare::checkpoint
