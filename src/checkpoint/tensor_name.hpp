#pragma once
/// What can be a tensor's name everywhere: in JSON, in HDF5, on a terminal.

#include <cstddef>
#include <string>
#include <string_view>

namespace dare::checkpoint {

constexpr std::size_t k_longest_name = 4096;  ///< of a tensor, in bytes; std::regex recurses on what it searches
constexpr auto k_metadata_key = "__metadata__";
/// Keys of it: where their order is kept each is compared with all before it.
constexpr std::size_t k_most_metadata = 10'000;

/// What keeps a tensor from having that name, to stand in a message behind the tensor's printable() name; empty where nothing does. A name
/// is UTF-8 without control characters (which could forge a terminal's lines), at most k_longest_name bytes, and not k_metadata_key, which
/// only HDF5 can have.
[[nodiscard]] std::string name_problem(std::string_view name);

}  // namespace dare::checkpoint
