#include <dare/pipeline/input_times.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace dare::pipeline {
namespace {

constexpr std::int64_t k_ns_of_second = 1'000'000'000;

}  // namespace

std::string time_text(std::int64_t ns) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:09} UTC", fmt::gmtime(static_cast<std::time_t>(ns / k_ns_of_second)), ns % k_ns_of_second);
}

std::optional<std::filesystem::path> changed_after(const Work& work, const std::filesystem::path& other) {
  struct stat status {};
  if (!work.content_hashes.empty() || ::stat(other.c_str(), &status) != 0) return std::nullopt;
  const auto written_ns = status.st_mtim.tv_sec * k_ns_of_second + status.st_mtim.tv_nsec;
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    for (const auto& file : work.input(i).files) {
      if (file.changed_ns > written_ns) return file.path;
    }
  }
  return std::nullopt;
}

}  // namespace dare::pipeline
