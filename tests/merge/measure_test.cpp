#include "merge/family.hpp"
#include "support/targets.hpp"

#include <dare/merge/measure.hpp>
#include <dare/random/drop_stream.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

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

struct Merged {
  std::vector<std::byte> bytes;
  Counts counts;
};

Merged merged(const MergeTensor& tensor) {
  const TensorMerger merger{tensor.settings, test::survey({tensor}, 1).front()};
  Merged result{std::vector<std::byte>(tensor.settings.elements * info(tensor.settings.out_dtype).bits / 8), {}};
  const HeldRun run{tensor, {0, tensor.settings.elements}};
  EXPECT_FALSE(merger.merge(run.run(), result.bytes, result.counts, *TensorMerger::make_scratch()));
  return result;
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
  for (const auto dtype : {Dtype::bf16, Dtype::f32, Dtype::f64}) {
    for (const auto sparsifier : {Sparsifier::none, Sparsifier::dare, Sparsifier::magnitude, Sparsifier::breadcrumbs, Sparsifier::della}) {
      for (const auto combiner : {Combiner::task_arithmetic, Combiner::ties, Combiner::average}) {
        auto tensor = family({70'000, 100, 2, dtype, 0}, ++seed);
        tensor.settings.sparsifier = sparsifier;
        tensor.settings.combiner = combiner;
        tensor.settings.normalize = combiner == Combiner::ties;
        for (auto& term : tensor.settings.models) {
          term.epsilon = 0.1;
          term.gamma = 0.05;
        }
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
    const auto merge = merged(tensor).counts;
    const auto measure = measured(tensor, 1U << 16U).counts;
    EXPECT_EQ(measure.merged, merge.merged);
    EXPECT_EQ(measure.swallowed, merge.swallowed);
  }
}

TEST(Measure, TheSameOnEachInstructionSet) {
  for (auto tensor : cases()) {
    for (const auto sign : {Sign::weighted, Sign::unweighted}) {
      tensor.settings.sign = sign;
      std::optional<Measures> measures;
      std::vector<std::byte> bytes;
      test::on_each_target([&] {
        const auto here = measured(tensor, 1U << 16U);
        const auto out = merged(tensor).bytes;
        if (!measures) {
          measures = here;
          bytes = out;
        }
        expect_equal(here, *measures);
        EXPECT_TRUE(out == bytes);
      });
    }
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

// Settings of one tensor as points of a sweep have them.
std::vector<MergeTensor> points(const MergeTensor& tensor) {
  std::vector<MergeTensor> all;
  for (const double p : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0, 0.75, 1.0 / 3, 0.2, 0.25, 0.6}) {
    auto one = tensor;
    one.settings.sparsifier = p == 0.2 ? Sparsifier::none : Sparsifier::dare;
    one.settings.lambda = p == 0.5 ? 0.3 : 1;
    one.settings.normalize = p == 0.25;
    if (p == 0.75) one.settings.seed = 77;
    test::set_rates(one, Rate::from_drop(p == 0.2 ? 0 : p), p == 0.9 ? Rescale::none : Rescale::expected);
    if (p == 0.6) one.settings.models.front().rate = Rate::from_density(0.01);
    all.push_back(std::move(one));
  }
  return all;
}

// All points measured together, in tiles.
std::vector<Measures> measured_together(const std::vector<MergeTensor>& all, std::uint64_t tile) {
  std::vector<TensorMeasurer> measurers;
  for (const auto& one : all) measurers.emplace_back(one.settings);
  std::vector<const TensorMeasurer*> pointers;
  for (const auto& one : measurers) pointers.push_back(&one);
  SharedMeasurer shared{pointers};
  const auto scratch = TensorMeasurer::make_scratch();
  const auto elements = all.front().settings.elements;
  std::vector<std::vector<Measures>> blocks(all.size(), std::vector<Measures>((elements + k_sum_block - 1) / k_sum_block));
  std::vector<std::optional<Finding>> findings(all.size());
  for (std::uint64_t at = 0; at < elements; at += tile) {
    const HeldRun run{all.front(), {at, std::min(tile, elements - at)}};
    std::vector<std::span<Measures>> of_tile;
    for (auto& one : blocks) of_tile.push_back(std::span{one}.subspan(at / k_sum_block));
    shared.measure(run.run(), of_tile, findings, *scratch);
  }
  std::vector<Measures> totals(all.size());
  for (std::size_t p = 0; p < all.size(); ++p) {
    EXPECT_FALSE(findings[p]);
    for (const auto& block : blocks[p]) totals[p].add(block);
  }
  return totals;
}

TEST(SharedMeasurer, GivesEachSettingWhatItHasAlone) {
  for (const std::uint64_t elements : {70'000U, 4096U, 2048U + 64, 100U, 1U}) {
    for (const std::size_t models : {1U, 3U}) {
      const auto all = points(family({elements, 10, models, Dtype::bf16, 0}, 9));
      for (const auto& one : all) ASSERT_TRUE(SharedMeasurer::can_share(one.settings));
      test::on_each_target([&] {
        for (const std::uint64_t tile : {4096U, 1U << 17U}) {
          const auto got = measured_together(all, tile);
          for (std::size_t p = 0; p < all.size(); ++p) {
            SCOPED_TRACE(p);
            expect_equal(got[p], measured(all[p], 1U << 17U));
          }
        }
      });
    }
  }
}

TEST(SharedMeasurer, OfSettingsThatDifferInTheRateAloneToo) {
  for (const std::size_t models : {1U, 2U, 3U, 5U}) {
    std::vector<MergeTensor> all;
    for (const double p : {0.0, 0.3, 0.9}) {
      auto one = family({10'000, 10, models, Dtype::bf16, 0}, 21);
      one.settings.sparsifier = Sparsifier::dare;
      test::set_rates(one, Rate::from_drop(p), Rescale::expected);
      all.push_back(std::move(one));
    }
    test::on_each_target([&] {
      const auto got = measured_together(all, 1U << 17U);
      for (std::size_t p = 0; p < all.size(); ++p) expect_equal(got[p], measured(all[p], 1U << 17U));
    });
  }
}

// More thresholds than are looked for at a time, each the uniform of an element or the one above it; rates by model.
TEST(SharedMeasurer, WhereThresholdsTieWithDraws) {
  const auto tensor = family({6000, 10, 2, Dtype::bf16, 0}, 31);
  std::vector<MergeTensor> all;
  for (std::uint64_t element = 0; element < 20; ++element) {
    auto one = tensor;
    one.settings.sparsifier = Sparsifier::dare;
    for (std::size_t k = 0; k < 2; ++k) {
      auto& term = one.settings.models[k];
      const random::DropStream stream{one.settings.seed, term.stream, one.settings.name};
      const auto threshold = stream.uniform(element * 251 + k) + static_cast<double>(element % 2);
      term.rate = Rate::from_drop(threshold / 4294967296.0);
      term.rescale = Rescale::expected;
    }
    if (element % 3 == 0) one.settings.models[1].rate = one.settings.models[0].rate;
    all.push_back(std::move(one));
  }
  test::on_each_target([&] {
    const auto got = measured_together(all, 4096);
    for (std::size_t p = 0; p < all.size(); ++p) expect_equal(got[p], measured(all[p], 1U << 17U));
  });
}

TEST(SharedMeasurer, LooksCloserWhereAModelHasFewerRowsOrAResultIsTooLarge) {
  auto tensor = family({20'000, 100, 2, Dtype::bf16, 0}, 11);
  tensor.settings.models[1].elements = 7100;
  tensor.settings.overflow = Overflow::saturate;
  auto values = test::decoded(Dtype::bf16, tensor.models[0]);
  values[5000] = 3e38;
  tensor.models[0] = test::encoded(Dtype::bf16, values);
  const auto all = points(tensor);
  const auto got = measured_together(all, 1U << 17U);
  for (std::size_t p = 0; p < all.size(); ++p) {
    SCOPED_TRACE(p);
    expect_equal(got[p], measured(all[p], 1U << 17U));
  }
}

TEST(SharedMeasurer, TellsEachSettingsOwnFinding) {
  auto tensor = family({20'000, 100, 2, Dtype::bf16, 0}, 12);
  auto values = test::decoded(Dtype::bf16, tensor.models[0]);
  std::fill(values.begin() + 5000, values.begin() + 5100, 3e38);  // weight 0.3 and 1 / (1 - 0.75): beyond bfloat16
  tensor.models[0] = test::encoded(Dtype::bf16, values);
  auto all = points(tensor);
  std::vector<TensorMeasurer> measurers;
  for (const auto& one : all) measurers.emplace_back(one.settings);
  std::vector<const TensorMeasurer*> pointers;
  for (const auto& one : measurers) pointers.push_back(&one);
  std::vector<std::vector<Measures>> blocks(all.size(), std::vector<Measures>(1));
  std::vector<std::span<Measures>> spans{blocks.begin(), blocks.end()};
  std::vector<std::optional<Finding>> findings(all.size());
  const auto scratch = TensorMeasurer::make_scratch();
  const HeldRun run{tensor, {0, 20'000}};
  SharedMeasurer{pointers}.measure(run.run(), spans, findings, *scratch);
  int refused = 0;
  for (std::size_t p = 0; p < all.size(); ++p) {
    std::vector<Measures> own(1);
    const auto expected = measurers[p].measure(run.run(), own, *scratch);
    ASSERT_EQ(findings[p].has_value(), expected.has_value()) << p;
    if (!expected) continue;
    EXPECT_EQ(findings[p]->index, expected->index);
    ++refused;
  }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, static_cast<int>(all.size()));
}

TEST(SharedMeasurer, AddsNothingToSettingsThatHaveAFindingAlready) {
  const auto all = points(family({70'000, 10, 2, Dtype::bf16, 0}, 13));
  std::vector<TensorMeasurer> measurers;
  for (const auto& one : all) measurers.emplace_back(one.settings);
  std::vector<const TensorMeasurer*> pointers;
  for (const auto& one : measurers) pointers.push_back(&one);
  std::vector<std::vector<Measures>> blocks(all.size(), std::vector<Measures>(2));
  std::vector<std::span<Measures>> spans{blocks.begin(), blocks.end()};
  std::vector<std::optional<Finding>> findings(all.size());
  for (std::size_t p = 0; p < all.size(); p += 2) findings[p] = Finding{};
  const HeldRun run{all.front(), {0, 70'000}};
  SharedMeasurer{pointers}.measure(run.run(), spans, findings, *TensorMeasurer::make_scratch());
  for (std::size_t p = 0; p < all.size(); ++p) {
    SCOPED_TRACE(p);
    Measures total;
    for (const auto& block : blocks[p]) total.add(block);
    expect_equal(total, p % 2 == 0 ? Measures{} : measured(all[p], 1U << 17U));
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
