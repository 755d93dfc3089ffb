/// The cases of tests/data/vectors through the pure merge, cut in several ways.
#include "merge/serial.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/recipe/job.hpp>
#include <dare/recipe/recipe.hpp>

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>

namespace dare {
namespace {

namespace fs = std::filesystem;
using test::Bytes;

Bytes bytes_of(const checkpoint::Header& header, const checkpoint::TensorInfo& tensor) {
  std::ifstream file{header.files[tensor.file].path, std::ios::binary};
  Bytes bytes(tensor.bytes);
  file.seekg(static_cast<std::streamoff>(tensor.offset));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw std::runtime_error{"cannot read " + header.files[tensor.file].path.string()};
  return bytes;
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{fs::path{DARE_TEST_DATA} / "vectors"}) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Vectors : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto folder = fs::path{DARE_TEST_DATA} / "vectors" / GetParam();
    const auto recipe = recipe::load(folder / "recipe.yml", {});
    frame_ = checkpoint::read_header(recipe.frame().path);
    for (const auto& model : recipe.models) models_.push_back(checkpoint::read_header(model.path));
    job_ = recipe::resolve(recipe, frame_, models_);
    expected_ = checkpoint::read_header(folder / "expected.safetensors");
  }

  test::MergeTensor tensor_of(const recipe::TensorTask& task) const {
    test::MergeTensor tensor{task.settings, bytes_of(frame_, frame_.tensors[task.tensor]), {}, {}};
    for (const auto& input : task.inputs) {
      const auto& model = models_[static_cast<std::size_t>(input.model)];
      tensor.models.push_back(bytes_of(model, model.tensors[input.tensor]));
    }
    return tensor;
  }

  Bytes expected(const recipe::TensorTask& task) const {
    const auto* const tensor = expected_.find(frame_.tensors[task.tensor].name);
    if (tensor == nullptr) throw std::runtime_error{"no such tensor is expected"};
    EXPECT_EQ(tensor->dtype, task.settings.out_dtype);
    return bytes_of(expected_, *tensor);
  }

  checkpoint::Header frame_;
  std::vector<checkpoint::Header> models_;
  recipe::MergeJob job_;
  checkpoint::Header expected_;
};

TEST_P(Vectors, EverySplittingGivesTheBytes) {
  std::vector<test::MergeTensor> merged;
  std::vector<Bytes> wanted;
  for (const auto& task : job_.tasks) {
    if (task.action != recipe::TensorTask::Action::merge) continue;
    merged.push_back(tensor_of(task));
    wanted.push_back(expected(task));
  }
  ASSERT_FALSE(merged.empty());
  for (const std::size_t ranks : {1, 2, 3, 5}) {
    const auto statistics = test::survey(merged, ranks);
    for (std::size_t t = 0; t < merged.size(); ++t) {
      for (const bool plain : {false, true}) {
        const auto result = test::merge_pieces(merged[t], statistics[t], ranks, plain);
        EXPECT_FALSE(result.finding);
        EXPECT_EQ(result.bytes, wanted[t]) << merged[t].settings.name << ", " << ranks << " ranks" << (plain ? ", plain" : "");
        EXPECT_EQ(result.counts.merged, merged[t].settings.elements);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Vectors, testing::ValuesIn(cases()), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace dare
