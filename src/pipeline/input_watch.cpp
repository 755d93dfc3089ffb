#include "pipeline/input_watch.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

namespace dare::pipeline {
namespace {

struct State {
  std::uint64_t size = 0;
  std::int64_t changed_ns = -1;
};

State look(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

InputError changed(const std::filesystem::path& path, std::uint64_t size, std::uint64_t before) {
  return InputError{
      fmt::format("{}: changed while it was read ({} bytes now, {} before); nothing was written, run it again when the file is at rest",
                  path.string(), size, before)};
}

}  // namespace

InputWatch::InputWatch(const Work& work, const comm::Communicator& world) {
  world.agree([&] {
    if (!world.is_root()) return;
    for (std::size_t i = 0; i < work.inputs(); ++i) {
      for (const auto& file : work.input(i).files) {
        const auto now = look(file.path);
        if (now.size != file.size) throw changed(file.path, now.size, file.size);
        files_.push_back({file.path, now.size, now.changed_ns});
      }
    }
  });
}

void InputWatch::check() const {
  for (const auto& file : files_) {
    const auto now = look(file.path);
    if (now.size != file.size || now.changed_ns != file.changed_ns) throw changed(file.path, now.size, file.size);
  }
}

}  // namespace dare::pipeline
