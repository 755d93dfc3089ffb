#include "merge/family.hpp"

#include <dare/merge/measure.hpp>
#include <dare/random/drop_stream.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace dare::merge {
namespace {

using test::family;
using test::HeldRun;
using test::MergeTensor;

// The measures of a tensor, fed in tiles; block sums added in order.
Measures measured(const MergeTensor& tensor, std::uint64_t tile) {
  const auto statistics = test::survey({tensor}, 1).front();
  const TensorMeasurer measurer{tensor.settings, statistics};
  const auto scratch = TensorMeasurer::make_scratch();
  std::vector<Measures> blocks((tensor.settings.elements + k_sum_block - 1) / k_sum_block);
  for (std::uint64_t at = 0; at < tensor.settings.elements; at += tile) {
    const HeldRun run{tensor, {at, std::min(tile, tensor.settings.elements - at)}};
    EXPECT_FALSE(measurer.measure(run.run(), std::span{blocks}.subspan(at / k_sum_block), *scratch));
  }
  Measures all;
  for (const auto& block : blocks) all.add(block);
  return all;
}

void expect_equal(const Measures& a, const Measures& b) {
  EXPECT_EQ(a.deltas, b.deltas);
  EXPECT_EQ(a.kept, b.kept);
  EXPECT_EQ(a.conflicts, b.conflicts);
  EXPECT_EQ(a.counts.merged, b.counts.merged);
  EXPECT_EQ(a.counts.swallowed, b.counts.swallowed);
  EXPECT_EQ(a.delta, b.delta);
  EXPECT_EQ(a.error, b.error);
  EXPECT_EQ(a.product, b.product);
  EXPECT_EQ(a.merged, b.merged);
  EXPECT_EQ(a.undropped, b.undropped);
}

Counts counts_of_merge(const MergeTensor& tensor) {
  const TensorMerger merger{tensor.settings, test::survey({tensor}, 1).front()};
  std::vector<std::byte> out(tensor.settings.elements * info(tensor.settings.out_dtype).bits / 8);
  Counts counts;
  const HeldRun run{tensor, {0, tensor.settings.elements}};
  EXPECT_FALSE(merger.merge(run.run(), out, counts, *TensorMerger::make_scratch()));
  return counts;
}

TEST(Measure, OfDareIsThatOfAPlainLoop) {
  auto tensor = family({70'000, 100, 3, Dtype::f64, 0}, 5);
  auto& settings = tensor.settings;
  settings.sparsifier = Sparsifier::dare;
  settings.lambda = 0.5;
  test::set_rates(tensor, Rate::from_drop(0.75), Rescale::expected);
  Measures expected;
  const auto base = test::decoded(Dtype::f64, tensor.base);
  std::vector<std::vector<double>> deltas;
  for (std::size_t k = 0; k < 3; ++k) deltas.push_back(test::deltas(tensor, k));
  for (std::size_t i = 0; i < base.size(); ++i) {
    double dropped = 0;
    double whole = 0;
    bool up = false;
    bool down = false;
    for (std::size_t k = 0; k < 3; ++k) {
      const auto& term = settings.models[k];
      const bool kept = !random::DropStream{settings.seed, term.stream, settings.name}.dropped(i, random::drop_threshold(0.75));
      const auto d = deltas[k][i];
      const auto left = kept ? 4 * d : 0;
      expected.kept += kept ? 1 : 0;
      expected.delta += d * d;
      expected.error += (left - d) * (left - d);
      dropped += 0.5 * term.weight * left;
      whole += 0.5 * term.weight * d;
      up = up || (kept && d > 0);
      down = down || (kept && d < 0);
    }
    expected.conflicts += up && down ? 1 : 0;
    expected.product += dropped * whole;
    expected.merged += dropped * dropped;
    expected.undropped += whole * whole;
  }
  const auto got = measured(tensor, 1U << 20U);
  EXPECT_EQ(got.deltas, 210'000U);
  EXPECT_EQ(got.kept, expected.kept);
  EXPECT_EQ(got.conflicts, expected.conflicts);
  EXPECT_NEAR(got.delta, expected.delta, 1e-12 * expected.delta);
  EXPECT_NEAR(got.error, expected.error, 1e-12 * expected.error);
  EXPECT_NEAR(got.product, expected.product, 1e-9 * expected.product);
  EXPECT_NEAR(got.merged, expected.merged, 1e-9 * expected.merged);
  EXPECT_NEAR(got.undropped, expected.undropped, 1e-9 * expected.undropped);
}

// A case per sparsifier and combiner, of several types.
std::vector<MergeTensor> cases() {
  std::vector<MergeTensor> all;
  std::uint32_t seed = 0;
  for (const auto dtype : {Dtype::bf16, Dtype::f32}) {
    for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude, Sparsifier::della}) {
      for (const auto combiner : {Combiner::task_arithmetic, Combiner::ties, Combiner::average}) {
        auto tensor = family({70'000, 100, 2, dtype, 0}, ++seed);
        tensor.settings.sparsifier = sparsifier;
        tensor.settings.combiner = combiner;
        tensor.settings.normalize = combiner == Combiner::ties;
        for (auto& term : tensor.settings.models) term.epsilon = 0.1;
        const bool draws = sparsifier == Sparsifier::dare || sparsifier == Sparsifier::della;
        test::set_rates(tensor, Rate::from_drop(sparsifier == Sparsifier::none ? 0 : 0.6), draws ? Rescale::expected : Rescale::none);
        all.push_back(std::move(tensor));
      }
    }
  }
  return all;
}

TEST(Measure, DoesNotDependOnTiles) {
  for (const auto& tensor : cases()) {
    const auto whole = measured(tensor, 1U << 20U);
    expect_equal(measured(tensor, 4096), whole);
    expect_equal(measured(tensor, 1U << 17U), whole);
  }
}

TEST(Measure, CountsWhatTheMergeCounts) {
  for (const auto& tensor : cases()) {
    const auto merge = counts_of_merge(tensor);
    const auto measure = measured(tensor, 1U << 16U).counts;
    EXPECT_EQ(measure.merged, merge.merged);
    EXPECT_EQ(measure.swallowed, merge.swallowed);
  }
}

TEST(Measure, OfNothingDroppedIsNoError) {
  for (auto tensor : cases()) {
    test::set_rates(tensor, Rate::from_drop(0), tensor.settings.sparsifier == Sparsifier::dare ? Rescale::expected : Rescale::none);
    for (auto& term : tensor.settings.models) term.epsilon = 0;
    const auto got = measured(tensor, 1U << 16U);
    EXPECT_EQ(got.kept, got.deltas);
    EXPECT_EQ(got.error, 0);
    EXPECT_NEAR(got.product, got.merged, 1e-6 * got.merged);
    EXPECT_NEAR(got.undropped, got.merged, 1e-6 * got.merged);
  }
}

TEST(Measure, ReportsWhatTheMergeReports) {
  auto tensor = family({5000, 100, 2, Dtype::f32, 0}, 3);
  tensor.settings.sparsifier = Sparsifier::dare;
  test::set_rates(tensor, Rate::from_drop(0.5), Rescale::expected);
  tensor.settings.out_dtype = Dtype::f16;
  auto values = test::decoded(Dtype::f32, tensor.models[1]);
  for (std::size_t i = 3000; i < 3100; ++i) values[i] = 1e30;
  tensor.models[1] = test::encoded(Dtype::f32, values);
  const HeldRun run{tensor, {0, 5000}};
  std::vector<std::byte> out(10'000);
  std::vector<Measures> blocks(1);
  Counts counts;
  const auto expected = TensorMerger{tensor.settings}.merge(run.run(), out, counts, *TensorMerger::make_scratch());
  const auto got = TensorMeasurer{tensor.settings}.measure(run.run(), blocks, *TensorMeasurer::make_scratch());
  ASSERT_TRUE(expected && got);
  EXPECT_EQ(got->index, expected->index);
  EXPECT_EQ(got->kind, Finding::Kind::overflow);
}

}  // namespace
}  // namespace dare::merge
