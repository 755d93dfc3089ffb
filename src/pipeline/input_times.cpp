#include <dare/pipeline/input_times.hpp>

#include "checkpoint/file_names.hpp"
#include "core/file_state.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace dare::pipeline {
namespace {

constexpr std::int64_t k_ns_of_second = 1'000'000'000;

}  // namespace

std::string time_text(std::int64_t ns) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:09} UTC", fmt::gmtime(static_cast<std::time_t>(ns / k_ns_of_second)), ns % k_ns_of_second);
}

std::optional<std::int64_t> changed_ns(const std::filesystem::path& file) noexcept {
  const auto state = state_of(file);
  return state ? std::optional{state->changed_ns} : std::nullopt;
}

std::vector<std::filesystem::path> files_beside_weights(const Work& work) {
  std::vector<std::filesystem::path> files;
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    const auto& header = work.input(i);
    for (const auto& file : header.side_files) {
      if (!header.folder.empty() && (i == 0 || file == checkpoint::k_config_file)) files.push_back(header.folder / file);
    }
  }
  return files;
}

std::optional<std::filesystem::path> changed_after(const Work& work, const std::filesystem::path& other) {
  const auto written_ns = changed_ns(other);
  if (!work.content_hashes.empty() || !written_ns) return std::nullopt;
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    for (const auto& file : work.input(i).files) {
      if (file.changed_ns > *written_ns) return file.path;
    }
  }
  for (auto& file : files_beside_weights(work)) {
    if (changed_ns(file) > written_ns) return std::move(file);
  }
  return std::nullopt;
}

}  // namespace dare::pipeline
