#pragma once
/// Where paths lead and what may be made there.

#include <filesystem>
#include <string_view>

namespace dare {

/// Whether `path` is `folder` or lies in it, by their names alone. Pure. @pre both are canonical, or both relative to the same folder
[[nodiscard]] bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder);

/// Refuses a folder in which this process may make no files. What else keeps it from that is told when it tries. Local.
/// @param place  what is to be made in it.  @param kind  of what another can be named: "output" or "folder".
/// @throws InputError
void require_writable(const std::filesystem::path& folder, const std::filesystem::path& place, std::string_view kind);

}  // namespace dare
