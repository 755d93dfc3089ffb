#pragma once

#include <filesystem>

namespace dare {

/// Whether `path` is `folder` or lies in it, by their names alone. Pure. @pre both are canonical, or both relative to the same folder
[[nodiscard]] bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace dare
