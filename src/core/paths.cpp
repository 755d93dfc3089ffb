#include "core/paths.hpp"

#include <dare/core/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace dare {

bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

void require_writable(const std::filesystem::path& folder, const std::filesystem::path& place, std::string_view kind) {
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0 || (errno != EACCES && errno != EROFS)) return;
  throw InputError{fmt::format("{}: its folder {} cannot be written to: {}; name another {}", place.string(), folder.string(),
                               std::strerror(errno), kind)};
}

}  // namespace dare
