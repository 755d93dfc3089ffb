#pragma once
/// Texts that come from files: which can be names everywhere (in JSON, in HDF5, on a terminal), and how any is shown.

#include <cstddef>
#include <string>
#include <string_view>

namespace dare::checkpoint {

/// Well-formed UTF-8 (no surrogates, no over-long forms, nothing above U+10FFFF) without a NUL.
[[nodiscard]] bool is_utf8_without_nul(std::string_view text) noexcept;

/// At most `most` bytes of `text`, with control characters and bytes beyond ASCII as \x.., for messages.
[[nodiscard]] std::string shown(std::string_view text, std::size_t most = 80);

}  // namespace dare::checkpoint
