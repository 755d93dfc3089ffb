#include "pipeline/inputs.hpp"

#include "pipeline/convert/delta_write.hpp"

#include "checkpoint/sample.hpp"
#include "checkpoint/shared_folder.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/pipeline/measure.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <gtest/gtest.h>

#include <csignal>
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

TEST(Inputs, AreClosedWhereASignalEndsAMeasurement) {
  Family family;
  auto& product = family.work.products.emplace_back();
  product.output = family.folder / "out";
  product.job.recipe_json = "{}";
  for (std::uint32_t t = 0; t < family.work.frame.tensors.size(); ++t) {
    const auto& tensor = family.work.frame.tensors[t];
    auto& task = product.job.tasks.emplace_back();
    task.tensor = t;
    task.shape = tensor.shape;
    task.settings.base_dtype = task.settings.out_dtype = tensor.dtype;
    task.settings.base_elements = tensor.elements;
  }
  RunOptions options;
  options.progress = ProgressStyle::off;
  options.log_level = LogLevel::error;
  const StopSignal signals;
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  try {
    (void)measure(family.work, {{family.folder / "journal", family.folder / "passes"}}, options, world());
    FAIL();
  } catch (const comm::AgreedError& error) { EXPECT_STREQ(error.what(), "stopped by signal 10 (SIGUSR1) amid statistics"); }
  EXPECT_EQ(open_descriptors(family.base), 0);
  EXPECT_EQ(open_descriptors(family.model), 0);
}

TEST(Inputs, AreClosedWhereDeltasCannotBeWritten) {
  const Family family;
  const auto& model = family.work.models.front();
  const auto plan = plan_deltas(model, family.work.frame, {{}}, world());
  const auto root = family.folder / "delta.safetensors";
  const auto files = world().from_root([&] {
    const auto spec = delta_spec(plan, 0, model, {"base", "model"}, 0);
    std::vector<DeltaFiles> made{{root, checkpoint::create_output(root, checkpoint::output_kind(root), spec)}};
    fs::remove(root);
    return made;
  });
  EXPECT_THROW((void)write_deltas(plan, model, files, world()), comm::AgreedError);
  EXPECT_EQ(open_descriptors(family.model), 0);
}

}  // namespace
}  // namespace dare::pipeline
