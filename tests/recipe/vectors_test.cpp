// Every conformance case is read and held against its checkpoints.
#include "recipe/support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace dare::recipe {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> cases() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator{fs::path{DARE_TEST_DATA} / "vectors"}) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

// The header of a .safetensors file, read here so that this test hangs on the recipe alone.
checkpoint::Header header_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), sizeof length);
  std::string text(length, '\0');
  in.read(text.data(), static_cast<std::streamsize>(length));
  std::vector<test::Tensor> tensors;
  const auto json = nlohmann::ordered_json::parse(text);
  for (const auto& [name, tensor] : json.items()) {
    if (name != "__metadata__") tensors.push_back({name, dtype_named(tensor["dtype"].get<std::string>()).value(), tensor["shape"]});
  }
  return test::header(file.filename(), tensors);
}

class VectorCase : public testing::TestWithParam<fs::path> {};

TEST_P(VectorCase, ResolvesToTheExpectedTensors) {
  const auto file = GetParam() / "recipe.yml";
  Recipe recipe;
  const auto error = test::error_of([&] { recipe = load(file, {}); });
  if (error.find("merge_method") != std::string::npos) GTEST_SKIP() << error;
  ASSERT_EQ(error, "");

  const auto frame = header_of(recipe.frame().path);
  std::vector<checkpoint::Header> models;
  for (const auto& model : recipe.models) models.push_back(header_of(model.path));
  const auto job = resolve(recipe, frame, models);
  const auto expected = header_of(GetParam() / "expected.safetensors");

  ASSERT_EQ(job.tasks.size(), expected.tensors.size());
  std::size_t merged = 0;
  for (const auto& task : job.tasks) {
    const auto tensor = std::find_if(expected.tensors.begin(), expected.tensors.end(),
                                     [&](const auto& one) { return one.name == frame.tensors[task.tensor].name; });
    ASSERT_NE(tensor, expected.tensors.end());
    EXPECT_EQ(task.shape, tensor->shape) << tensor->name;
    const bool copied = task.action == TensorTask::Action::copy;
    EXPECT_EQ(copied ? frame.tensors[task.tensor].dtype : task.settings.out_dtype, tensor->dtype) << tensor->name;
    if (task.action != TensorTask::Action::merge) continue;
    ++merged;
    EXPECT_EQ(task.settings.models.size(), models.size());
    EXPECT_EQ(task.inputs.size(), models.size());
  }
  EXPECT_GT(merged, 0U);
}

INSTANTIATE_TEST_SUITE_P(All, VectorCase, testing::ValuesIn(cases()), [](const auto& of) { return of.param.filename().string(); });

TEST(Vectors, AreThere) {
  EXPECT_EQ(cases().size(), 31U);
}

}  // namespace
}  // namespace dare::recipe
