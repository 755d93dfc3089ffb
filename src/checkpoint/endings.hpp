#pragma once
/// The endings that files of weights have, and the forms that outputs are written in.

#include <dare/checkpoint/header.hpp>
#include <dare/checkpoint/output.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace dare::checkpoint {

struct Ending {
  std::string_view text;       ///< with its dot
  std::optional<Format> read;  ///< as what such a file is read; nothing: it is not
  bool beside = false;         ///< may hold something else than weights beside them, and goes along with the model
};

/// A form that checkpoints are written in.
struct OutputForm {
  OutputKind kind;
  std::string_view word;    ///< of settings that choose it
  std::string_view ending;  ///< of an output's name that chooses it, with its dot; empty: any other
};

/// All forms. A row's place is part of what a sweep's records are known by: new rows stand last.
inline constexpr std::array k_output_forms{
    OutputForm{OutputKind::folder, "folder", ""},
    OutputForm{OutputKind::safetensors_file, "safetensors", ".safetensors"},
    OutputForm{OutputKind::hdf5, "h5", ".h5"},
};

/// The row of an ending such as ".h5", in lower case; null for those that are none of weights.
[[nodiscard]] const Ending* find_ending(std::string_view ending) noexcept;

/// Those that are read, in words: ".safetensors, .h5 or .bin".
[[nodiscard]] std::string readable_endings();

}  // namespace dare::checkpoint
