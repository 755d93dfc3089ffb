#pragma once
/// Texts that come from files: which can be names everywhere (in JSON, in HDF5, on a terminal), and how any is shown.

#include <cstddef>
#include <string>
#include <string_view>

namespace dare::checkpoint {

constexpr std::size_t k_longest_name = 4096;  ///< of a tensor, in bytes; std::regex recurses on what it searches
constexpr auto k_metadata_key = "__metadata__";
/// Keys of it: where their order is kept each is compared with all before it.
constexpr std::size_t k_most_metadata = 10'000;

/// What keeps a tensor from having that name, to stand in a message behind the tensor's shown() name; empty where nothing does. A name is
/// UTF-8 without control characters (which could forge a terminal's lines), at most k_longest_name bytes, and not k_metadata_key, which
/// only HDF5 can have.
[[nodiscard]] std::string name_problem(std::string_view name);

/// Well-formed UTF-8 (no surrogates, no over-long forms, nothing above U+10FFFF) without a NUL.
[[nodiscard]] bool is_utf8_without_nul(std::string_view text) noexcept;

/// `text` as it is where a terminal can show it in a line; else shown() whole.
[[nodiscard]] std::string one_line(std::string_view text);

/// At most `most` bytes of `text`, with control characters and bytes beyond ASCII as \x.., for messages.
[[nodiscard]] std::string shown(std::string_view text, std::size_t most = 80);

}  // namespace dare::checkpoint
