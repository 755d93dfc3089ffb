#include "pipeline/delta_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace dare::pipeline {
namespace {

using recipe::TensorTask;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t k_rows = std::uint64_t{1} << 20U;  // two blocks a tensor

// A base and models m0/, m1/ with `tensors` tensors of two blocks each, all of which are merged.
Work work_of(std::size_t tensors) {
  Work work;
  work.frame.root = "b/";
  Product product;
  for (const auto* const root : {"m0/", "m1/"}) {
    work.models.emplace_back();
    work.models.back().root = root;
  }
  for (std::uint32_t t = 0; t < tensors; ++t) {
    work.frame.tensors.emplace_back().shape = {k_rows, 2};
    TensorTask task;
    task.action = TensorTask::Action::merge;
    task.tensor = t;
    task.shape = {k_rows, 2};
    task.settings.elements = 2 * k_rows;
    task.inputs = {{0, t, {}}, {1, t, {}}};
    product.job.tasks.push_back(std::move(task));
  }
  work.products.push_back(std::move(product));
  return work;
}

std::vector<ModelDeltas> counted(const Work& work, const DeltaFlags& flags, const std::vector<std::uint64_t>& reused = {}) {
  std::vector<plan::TensorLoad> loads(work.frame.tensors.size(), {2 * k_rows, 16, 16, 16});
  return count_deltas(work, work.products.front(), flags, plan::Grid{std::move(loads)}, reused);
}

std::vector<std::string> lines(const Work& work, const DeltaFlags& flags, const std::vector<std::uint64_t>& reused = {}) {
  return delta_warnings(work, counted(work, flags, reused), !reused.empty());
}

TEST(DeltaReport, NamesTheModelAndHowManyTensors) {
  const auto work = work_of(3);
  DeltaFlags flags{work};
  for (std::uint32_t t = 0; t < 3; ++t) flags.see(t, 0);
  EXPECT_THAT(lines(work, flags), ElementsAre("model 2 (m1/): equal to the base in every tensor merged; is it the path that was meant?"));
  flags.see(1, 1);
  EXPECT_THAT(lines(work, flags), ElementsAre("model 2 (m1/): 2 of 3 tensors merged have no delta"));
  flags.see(0, 1);
  flags.see(2, 1);
  EXPECT_THAT(lines(work, flags), IsEmpty());
}

TEST(DeltaReport, NamesAModelThatIsUnlikeTheBase) {
  const auto work = work_of(1);
  DeltaFlags flags{work};
  for (const int model : {0, 1}) {
    flags.see(0, model);
    flags.sample(0, model, {2000, 4, 9, 5.9});
  }
  EXPECT_THAT(lines(work, flags), IsEmpty());
  flags.sample(0, 1, {2000, 4, 9, -4});
  EXPECT_THAT(
      lines(work, flags),
      ElementsAre("model 2 (m1/): probably not trained from this base: the cosine of its weight matrices with the base's is 0.16 in a "
                  "sample, below 0.5; dare-inspect --base b/ m1/ measures them all"));
  DeltaFlags few{work};
  for (const int model : {0, 1}) {
    few.see(0, model);
    few.sample(0, model, {999, 4, 9, 0});
  }
  EXPECT_THAT(lines(work, few), IsEmpty());
}

TEST(DeltaReport, NamesAModelOfZeros) {
  const auto work = work_of(1);
  DeltaFlags flags{work};
  for (const int model : {0, 1}) flags.see(0, model);
  flags.sample(0, 0, {2000, 0, 0, 0});  // so is the base
  EXPECT_THAT(lines(work, flags), IsEmpty());
  flags.sample(0, 1, {2000, 4, 0, 0});
  EXPECT_THAT(lines(work, flags),
              ElementsAre("model 2 (m1/): its weight matrices are all zeros in a sample of 2000 elements, the base's are not; "
                          "is it the path that was meant?"));
}

TEST(DeltaReport, CountsOnlyTensorsThatTheModelIsMergedInto) {
  auto work = work_of(5);
  auto& tasks = work.products.front().job.tasks;
  tasks[0].action = TensorTask::Action::copy;
  tasks[1].settings.has_base = false;
  tasks[2].settings.elements = 0;
  tasks[3].inputs[1].model = -1;  // the base stands in
  const auto of = counted(work, DeltaFlags{work});
  EXPECT_EQ(std::pair(of[0].tensors, of[0].without), std::pair(std::uint64_t{2}, std::uint64_t{2}));
  EXPECT_EQ(std::pair(of[1].tensors, of[1].without), std::pair(std::uint64_t{1}, std::uint64_t{1}));
}

// What the interrupted run saw is not known, what this one saw is.
TEST(DeltaReport, SaysNothingOfTensorsThatAnEarlierRunHasPartsOf) {
  const auto work = work_of(3);
  DeltaFlags flags{work};
  flags.see(0, 1);
  EXPECT_THAT(lines(work, flags, {1, 2}),
              ElementsAre("model 1 (m0/): equal to the base in every tensor that this run merged whole; is it the path that was meant?",
                          "model 2 (m1/): equal to the base in every tensor that this run merged whole; is it the path that was meant?"));
  EXPECT_THAT(lines(work, flags, {2})[1], "model 2 (m1/): 1 of 2 tensors that this run merged whole have no delta");
  EXPECT_THAT(lines(work, flags, {0, 3, 4}), IsEmpty());
}

}  // namespace
}  // namespace dare::pipeline
