#pragma once
/// Folders that programs see empty: homes, sockets, temporary files and devices of others. Linux, in a mount namespace of its own.

#include <filesystem>
#include <string>
#include <vector>

namespace dare::metrics {

struct Hiding {
  std::vector<std::filesystem::path> folders;  ///< canonical; none within another
  std::vector<std::filesystem::path> kept;     ///< folders and devices within them that programs need: the interpreter's, /dev/null, ...
};

/// What to hide from programs that `python`, an absolute path, runs: the caller's home, /run, /tmp, /var/tmp, $XDG_RUNTIME_DIR, /dev.
/// Local.
[[nodiscard]] Hiding what_to_hide(const std::string& python);

/// Puts an empty file system over each folder, with what is kept in its place. @return whether all of it worked.
[[nodiscard]] bool hide(const Hiding& hiding);

}  // namespace dare::metrics
