#include "pipeline/inputs.hpp"

#include "checkpoint/sample.hpp"
#include "checkpoint/shared_folder.hpp"

#include <dare/checkpoint/header.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;
using test::world;

// Descriptors of this process that lead to the file.
int open_descriptors(const fs::path& file) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    if (fs::read_symlink(entry.path(), gone) == file) ++count;
  }
  return count;
}

struct Family {
  test::SharedFolder folder;
  fs::path base = folder / "base.h5";
  fs::path model = folder / "model.h5";
  Work work;
  Family() {
    world().agree([&] {
      if (!world().is_root()) return;
      for (const auto& path : {base, model}) test::write_checkpoint(path, test::sample_spec());
    });
    work.frame = world().from_root([&] { return checkpoint::read_header(base); });
    work.models.push_back(world().from_root([&] { return checkpoint::read_header(model); }));
  }
};

TEST(Inputs, AreClosedWhereAllRanksFailWithThemOpen) {
  const Family family;
  Timings timings{};
  std::optional<Inputs> inputs;
  inputs.emplace(family.work, world(), timings);
  EXPECT_GT(open_descriptors(family.base), 0);
  inputs->close_after_failure();
  inputs.reset();
  EXPECT_EQ(open_descriptors(family.base), 0);
  EXPECT_EQ(open_descriptors(family.model), 0);
}

TEST(Inputs, ThatAreOpenAreClosedWhereAnotherCannotBeOpened) {
  const Family family;
  if (world().is_root()) fs::remove(family.model);
  MPI_Barrier(world().handle());
  Timings timings{};
  EXPECT_THROW(Inputs(family.work, world(), timings), comm::AgreedError);
  EXPECT_EQ(open_descriptors(family.base), 0);
}

}  // namespace
}  // namespace dare::pipeline
