/// Every conformance case, through the whole pipeline: at each rank count, writers 1 and all, small and large memory, safetensors and HDF5
/// in and out.

#include "support/temp_folder.hpp"
#include "support/world.hpp"

#include <dare/checkpoint/reader.hpp>
#include <dare/merge/method.hpp>
#include <dare/pipeline/convert.hpp>
#include <dare/pipeline/merge.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>

namespace dare {
namespace {

namespace fs = std::filesystem;
using test::world;

std::string read_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{DARE_TEST_DATA "/vectors"}) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A folder that all ranks know.
class SharedFolder {
 public:
  SharedFolder() {
    if (world().is_root()) own_.emplace();
    path_ = world().from_root([&] { return own_->path(); });
  }
  ~SharedFolder() { MPI_Barrier(world().handle()); }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::optional<test::TempFolder> own_;
  fs::path path_;
};

pipeline::RunOptions run_options(const std::string& writers, std::uint64_t memory) {
  pipeline::RunOptions run;
  run.program = "test";
  run.limits.writers = plan::Writers::parse(writers);
  run.limits.memory_per_rank = memory;
  run.progress = pipeline::ProgressStyle::off;
  run.log_level = pipeline::LogLevel::error;
  run.summary = false;
  return run;
}

void merge(const fs::path& recipe, const fs::path& output, const pipeline::RunOptions& run) {
  pipeline::MergeOptions options;
  options.run = run;
  options.recipe = recipe;
  options.output = output;
  ASSERT_EQ(pipeline::merge(options, world()), 0);
}

void convert(const fs::path& source, const fs::path& target) {
  pipeline::ConvertOptions options;
  options.output = target;
  options.run = run_options("node", std::uint64_t{64} << 20U);
  options.source = source;
  ASSERT_EQ(pipeline::convert(options, world()), 0);
}

void expect_equal(const fs::path& got, const fs::path& expected) {
  const auto a = world().from_root([&] { return checkpoint::read_header(got); });
  const auto b = world().from_root([&] { return checkpoint::read_header(expected); });
  const auto reader_a = checkpoint::open(a, world());
  const auto reader_b = checkpoint::open(b, world());
  ASSERT_FALSE(b.tensors.empty());
  EXPECT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& tensor : b.tensors) {
    const auto* found = a.find(tensor.name);
    ASSERT_NE(found, nullptr) << tensor.name;
    EXPECT_EQ(name(found->dtype), name(tensor.dtype)) << tensor.name;
    EXPECT_EQ(found->shape, tensor.shape) << tensor.name;
    std::vector<std::byte> x(found->bytes);
    std::vector<std::byte> y(tensor.bytes);
    reader_a->read(*found, 0, x);
    reader_b->read(tensor, 0, y);
    EXPECT_EQ(x, y) << tensor.name;
  }
  reader_a->close();
  reader_b->close();
}

class Vectors : public testing::TestWithParam<std::string> {
 protected:
  fs::path folder_ = fs::path{DARE_TEST_DATA} / "vectors" / GetParam();
  SharedFolder temp_;
};

TEST_P(Vectors, SafetensorsWithOneWriter) {
  merge(folder_ / "recipe.yml", temp_ / "out.safetensors", run_options("1", std::uint64_t{512} << 20U));
  expect_equal(temp_ / "out.safetensors", folder_ / "expected.safetensors");
}

TEST_P(Vectors, FolderWithAllWritersAndLittleMemory) {
  merge(folder_ / "recipe.yml", temp_ / "out", run_options("all", std::uint64_t{1} << 20U));
  expect_equal(temp_ / "out", folder_ / "expected.safetensors");
}

TEST_P(Vectors, Hdf5InAndOut) {
  if (world().is_root()) {
    const auto recipe = read_file(folder_ / "recipe.yml");
    std::ofstream{temp_ / "recipe.yml"} << std::regex_replace(recipe, std::regex{R"(\.safetensors)"}, ".h5");
  }
  for (const auto* name : {"base", "m0", "m1", "m2", "m3"}) {
    const auto source = folder_ / (std::string{name} + ".safetensors");
    if (fs::exists(source)) convert(source, temp_ / (std::string{name} + ".h5"));
  }
  merge(temp_ / "recipe.yml", temp_ / "out.h5", run_options("node", std::uint64_t{64} << 20U));
  expect_equal(temp_ / "out.h5", folder_ / "expected.safetensors");
}

INSTANTIATE_TEST_SUITE_P(All, Vectors, testing::ValuesIn(cases()), [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace dare
