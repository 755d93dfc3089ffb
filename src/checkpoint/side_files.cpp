#include "checkpoint/side_files.hpp"

#include "checkpoint/endings.hpp"
#include "checkpoint/file_names.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace dare::checkpoint {
namespace {

constexpr std::uint64_t k_most_side_bytes = std::uint64_t{4} << 30U;

}  // namespace

bool is_side_file_name(std::string_view name) {
  if (name.empty() || name.front() == '.' || name == k_manifest_file) return false;
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) return false;
  if (name.ends_with(k_index_ending)) return false;
  const auto* const ending = find_ending(std::filesystem::path{name}.extension().string());
  return ending == nullptr || ending->beside;
}

void require_side_total(const std::filesystem::path& checkpoint, std::uint64_t bytes) {
  if (bytes <= k_most_side_bytes) return;
  throw InputError{fmt::format("{}: the files beside the weights have {} bytes, at most {} are read; take out what is no part of the model",
                               checkpoint.string(), bytes, k_most_side_bytes)};
}

}  // namespace dare::checkpoint
