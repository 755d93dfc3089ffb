#include "checkpoint/hdf5_schema.hpp"

#include <fmt/format.h>

#include <unordered_set>

namespace dare::checkpoint::hdf5 {
namespace {

// Links longer than this are legal and slow.
constexpr std::size_t k_longest_path = 1'024;

// A leading '~' is kept for positions. NUL would end the name in HDF5's C interface.
bool is_path(std::string_view name) {
  if (name.empty() || name.size() > k_longest_path || name.front() == '~' || name.find('\0') != std::string_view::npos) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace

std::vector<std::string> dataset_paths(std::span<const std::string_view> names) {
  std::unordered_set<std::string_view> groups;  // the folders of all names that are paths
  for (const auto name : names) {
    if (!is_path(name)) continue;
    for (auto slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/', slash + 1)) {
      groups.insert(name.substr(0, slash));
    }
  }
  std::vector<std::string> paths;
  paths.reserve(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    paths.push_back(is_path(names[i]) && !groups.contains(names[i]) ? std::string{names[i]} : fmt::format("~{}", i));
  }
  return paths;
}

}  // namespace dare::checkpoint::hdf5
