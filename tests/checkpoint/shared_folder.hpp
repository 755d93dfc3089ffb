#pragma once
/// A temporary folder that all ranks know.

#include "support/temp_folder.hpp"
#include "support/world.hpp"

#include <optional>

namespace dare::test {

/// Made and removed by rank 0. Collective: making and destroying.
class SharedFolder {
 public:
  SharedFolder() {
    path_ = world().from_root([&] {
      mine_.emplace();
      return mine_->path();
    });
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder() {
    MPI_Barrier(world().handle());  // none may still read
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::optional<TempFolder> mine_;
  std::filesystem::path path_;
};

}  // namespace dare::test
