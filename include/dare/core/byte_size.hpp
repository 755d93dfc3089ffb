#pragma once
/// Sizes in bytes as people write them.

#include <cstdint>
#include <string>
#include <string_view>

namespace dare {

/// Bytes meant by e.g. "512MiB", "5GB", "1.5GiB" or "4096" (decimal and binary prefixes, case ignored).
/// @throws UsageError  no such size, or not a whole number of bytes below 2^63.
[[nodiscard]] std::uint64_t parse_byte_size(std::string_view text);

/// A text in the largest unit that divides them, which parse_byte_size() reads as these bytes: "512MiB", "5GB", "4095".
[[nodiscard]] std::string exact_byte_size(std::uint64_t bytes);

/// For people: "4.5 MB", "640 B"; decimal prefixes, three significant digits.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace dare
