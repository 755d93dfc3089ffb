#pragma once
/// Whether a finished output is still there.

#include <filesystem>
#include <optional>
#include <string>

namespace dare::sweep {

/// What is missing of an output, or has another size than its manifest says, as words for a message; nothing where all is there. Looks at
/// names and sizes alone: what only a hash would show dare-verify finds. Local.
[[nodiscard]] std::optional<std::string> damage_of(const std::filesystem::path& output);

}  // namespace dare::sweep
