#include <dare/core/open_file_limit.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <optional>

namespace dare {
namespace {

constexpr std::uint64_t k_kept_back = 128;
constexpr std::uint64_t k_most_files = std::uint64_t{1} << 20U;  // where there is no limit

std::optional<rlim_t> limit_before;

}  // namespace

void raise_open_file_limit() noexcept {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && !limit_before) limit_before = before;
}

void restore_open_file_limit() noexcept {
  struct rlimit limit {};
  if (!limit_before || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = *limit_before;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

std::uint64_t files_to_open() noexcept {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return k_kept_back;
  const auto files = std::min<std::uint64_t>(limit.rlim_cur, k_most_files);
  return files > k_kept_back ? files - k_kept_back : 1;
}

}  // namespace dare
