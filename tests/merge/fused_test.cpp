#include "merge/fused.hpp"

#include "merge/merge_cases.hpp"
#include "merge/merge_reference.hpp"
#include "support/targets.hpp"

#include <dare/merge/tensor_merger.hpp>
#include <dare/random/drop_stream.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace dare::merge {
namespace {

using test::Bytes;
using test::make_case;
using test::MergeCase;
using test::settings_for;
using test::size_of;
using test::term;

constexpr std::array k_combiners{Combiner::task_arithmetic, Combiner::ties};
constexpr std::uint64_t k_carry = std::uint64_t{1} << 35U;  // where the counter of blocks carries

bool vectors_here() {
  return hwy::SupportedAndGeneratedTargets().front() != HWY_SCALAR;
}

std::string text(const TensorSettings& settings) {
  std::string models;
  for (const auto& model : settings.models) models += fmt::format(" {}:{}", name(model.dtype), model.rate.drop);
  return fmt::format("{} {} to {},{}", settings.combiner == Combiner::ties ? "ties" : "arithmetic", name(settings.base_dtype),
                     name(settings.out_dtype), models);
}

void expect_equal(const Bytes& got, const Bytes& want, const MergeCase& test) {
  if (got == want) return;
  const auto size = size_of(test.settings.out_dtype);
  for (std::size_t i = 0; i < want.size() / size; ++i) {
    const auto a = test::code_at(test.settings.out_dtype, got.data() + i * size);
    const auto b = test::code_at(test.settings.out_dtype, want.data() + i * size);
    ASSERT_EQ(a, b) << fmt::format("element {} of {}: {:x}, not {:x}", i, want.size() / size, a, b);
  }
}

/// The kernels alone do all of a run without special values.
void check_kernels(const MergeCase& test) {
  SCOPED_TRACE(text(test.settings));
  const auto want = test::reference_merge(test.settings, test.first, test.base, test.models);
  ASSERT_EQ(want.finding, std::nullopt);
  ASSERT_TRUE(fused_applies(test.settings));
  test::on_each_target([&] {
    if (!vectors_here()) return;
    FusedRoom room;
    FusedMerge fused{test.settings, room};
    Bytes out(want.out.size());
    Counts counts;
    ASSERT_EQ(fused.run(test.first, test.base, test.spans(), out, counts), out.size() / size_of(test.settings.out_dtype));
    expect_equal(out, want.out, test);
    EXPECT_EQ(counts.merged, want.counts.merged);
    EXPECT_EQ(counts.swallowed, want.counts.swallowed);
  });
}

TEST(Fused, EveryCombinationOfTypes) {
  std::size_t checked = 0;
  for (const auto combiner : k_combiners) {
    for (const auto base : test::k_float_types) {
      for (const auto model : test::k_float_types) {
        for (const auto out : test::k_float_types) {
          auto settings = settings_for(combiner, base, out, {term(model, 0.7, 0.5, 0), term(base, 0.4, 0.9, 1), term(model, 1.1, 0.3, 2)});
          check_kernels(make_case(std::move(settings), 3, 211, 17));
          ++checked;
        }
      }
    }
  }
  EXPECT_EQ(checked, 432U);
}

TEST(Fused, EveryLengthAndStart) {
  for (const auto combiner : k_combiners) {
    for (const auto dtype : {Dtype::bf16, Dtype::f16, Dtype::f32, Dtype::f64}) {
      const auto settings = settings_for(combiner, dtype, dtype, {term(dtype, 1, 0.9, 0), term(dtype, -0.3, 0.5, 1)});
      for (std::size_t n = 0; n <= 3 * 64 + 1; ++n) check_kernels(make_case(settings, n % 11, n, 5));
      for (const std::size_t n : {1023, 1024, 1025, 3000}) {
        for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1017}, k_carry - 1500})
          check_kernels(make_case(settings, first, n, 6));
      }
    }
  }
}

TEST(Fused, RatesWeightsAndSigns) {
  for (const auto combiner : k_combiners) {
    for (const auto dtype : {Dtype::bf16, Dtype::f16, Dtype::f32}) {
      for (const auto normalize : {false, true}) {
        for (const auto sign : {Sign::weighted, Sign::unweighted}) {
          auto settings = settings_for(combiner, dtype, dtype, {});
          settings.normalize = normalize;
          settings.sign = sign;
          const std::vector<double> rates{0, 1, 0.5, 0.99, 0x1p-17, 1 - 0x1p-16, 0.25};
          for (std::size_t k = 0; k < rates.size(); ++k)
            settings.models.push_back(term(dtype, k % 3 == 2 ? -0.5 : 0.3 + 0.1 * static_cast<double>(k), rates[k], k));
          settings.models.back().rescale = Rescale::none;
          check_kernels(make_case(settings, 9, 1500, 8));
          settings.sparsifier = Sparsifier::none;
          check_kernels(make_case(settings, 9, 150, 9));
        }
      }
    }
  }
}

TEST(Fused, OneModelAndMany) {
  for (const auto combiner : k_combiners) {
    for (const std::size_t count : {1, 2, 4, 33}) {
      auto settings = settings_for(combiner, Dtype::bf16, Dtype::bf16, {});
      for (std::size_t k = 0; k < count; ++k) settings.models.push_back(term(Dtype::bf16, 0.5, 0.8, k));
      check_kernels(make_case(settings, 100, 1100, 10));
    }
  }
}

TEST(Fused, SubnormalAndZeroElements) {
  for (const auto combiner : k_combiners) {
    for (const auto dtype : test::k_float_types) {
      auto test = make_case(settings_for(combiner, dtype, dtype, {term(dtype, 0.25, 0.5, 0), term(dtype, 0.125, 0.5, 1)}), 0, 2000, 11);
      // The largest are left out: their sums overflow.
      std::mt19937 bits{12};
      const auto sign = std::uint64_t{1} << (info(dtype).bits - 1);
      const auto tiny = [&](Bytes& bytes) {
        for (std::size_t i = 0; i < bytes.size() / size_of(dtype); ++i) {
          const auto code = (bits() % 9) | (bits() % 2 == 0 ? sign : 0);
          if (bits() % 2 == 0) std::memcpy(bytes.data() + i * size_of(dtype), &code, size_of(dtype));
        }
      };
      tiny(test.base);
      for (auto& model : test.models) tiny(model);
      check_kernels(test);
    }
  }
}

TEST(Fused, AnyAlignmentOfBytes) {
  const auto settings = settings_for(Combiner::task_arithmetic, Dtype::bf16, Dtype::bf16, {term(Dtype::bf16, 1, 0.9, 0)});
  const auto test = make_case(settings, 0, 777, 13);
  const auto want = test::reference_merge(settings, 0, test.base, test.models);
  test::on_each_target([&] {
    for (std::size_t offset = 1; offset < 8; ++offset) {
      const auto moved = [&](const Bytes& bytes) {
        Bytes result(offset, std::byte{0xEE});
        result.insert(result.end(), bytes.begin(), bytes.end());
        return result;
      };
      const auto base = moved(test.base);
      const auto model = moved(test.models[0]);
      Bytes out(offset + want.out.size() + 1, std::byte{0x5A});
      Counts counts;
      const std::vector<std::span<const std::byte>> models{std::span{model}.subspan(offset)};
      const TensorMerger merger{settings};
      const auto scratch = TensorMerger::make_scratch();
      EXPECT_EQ(merger.merge(0, std::span{base}.subspan(offset), models, std::span{out}.subspan(offset, want.out.size()), counts, *scratch),
                std::nullopt);
      EXPECT_TRUE(std::equal(want.out.begin(), want.out.end(), out.begin() + static_cast<std::ptrdiff_t>(offset)));
      EXPECT_EQ(out.front(), std::byte{0x5A});
      EXPECT_EQ(out.back(), std::byte{0x5A});
    }
  });
}

// The whole merger, kernels and plain loops together; and the plain loops alone.
void check_merger(const MergeCase& test, bool counts_too = true) {
  SCOPED_TRACE(text(test.settings));
  const auto want = test::reference_merge(test.settings, test.first, test.base, test.models);
  const auto n = test.base.size() / size_of(test.settings.base_dtype);
  const auto run = [&](const TensorMerger& merger) {
    const auto scratch = TensorMerger::make_scratch();
    Bytes out(n * size_of(test.settings.out_dtype));
    Counts counts;
    const auto finding = merger.merge(test.first, test.base, test.spans(), out, counts, *scratch);
    ASSERT_EQ(finding.has_value(), want.finding.has_value());
    if (finding) {
      EXPECT_EQ(finding->kind, want.finding->kind);
      EXPECT_EQ(finding->index, want.finding->index);
      EXPECT_EQ(finding->model, want.finding->model);
      EXPECT_TRUE(finding->value == want.finding->value || (std::isnan(finding->value) && std::isnan(want.finding->value)));
      return;
    }
    expect_equal(out, want.out, test);
    EXPECT_EQ(counts.merged, want.counts.merged);
    if (counts_too) { EXPECT_EQ(counts.swallowed, want.counts.swallowed); }
  };
  test::on_each_target([&] { run(TensorMerger{test.settings}); });
  TensorMerger plain{test.settings};
  plain.use_plain();
  run(plain);
}

TEST(FusedAndPlain, SpecialValuesKept) {
  for (const auto combiner : k_combiners) {
    for (const auto base : test::k_float_types) {
      for (const auto out : test::k_float_types) {
        for (const auto model : {base, Dtype::bf16}) {
          auto settings = settings_for(combiner, base, out, {term(model, 0.7, 0.5, 0), term(model, 0.6, 0.5, 1)});
          settings.nonfinite = Nonfinite::keep;
          settings.overflow = Overflow::saturate;
          for (const unsigned one_in : {3U, 700U}) {  // all strips with some, and few strips with any
            auto test = make_case(settings, 5, 4000, 20);
            test::strew(test, one_in, false, 21);
            check_merger(test, false);
          }
        }
      }
    }
  }
}

TEST(FusedAndPlain, TheLowestFindingIsReported) {
  for (const auto combiner : k_combiners) {
    for (const auto dtype : test::k_float_types) {
      for (unsigned seed = 0; seed < 20; ++seed) {
        auto settings = settings_for(combiner, dtype, dtype, {term(dtype, 0.7, 0.99, 0), term(dtype, 1e3, 0.5, 1)});
        for (const auto finite_only : {false, true}) {  // not finite inputs and overflows; overflows alone
          auto test = make_case(settings, 1000 + seed, 3000, 30 + seed);
          test::strew(test, 2000, finite_only, 31 + seed);
          check_merger(test);
        }
      }
    }
  }
}

TEST(FusedAndPlain, DroppedElementsAreCheckedToo) {
  for (const auto dtype : test::k_float_types) {
    auto settings = settings_for(Combiner::task_arithmetic, dtype, dtype, {term(dtype, 1, 0, 0), term(dtype, 1, 1, 1)});
    auto test = make_case(settings, 0, 2500, 40);
    const auto nan = test::special_codes(dtype, false)[dtype == Dtype::f8_e4m3 ? 8 : 7];
    ASSERT_TRUE(std::isnan(test::value_at(dtype, reinterpret_cast<const std::byte*>(&nan))));
    std::memcpy(test.models[1].data() + 2100 * size_of(dtype), &nan, size_of(dtype));
    check_merger(test);
  }
}

TEST(FusedAndPlain, CoefficientsBeyondTheWorkingType) {
  auto settings = settings_for(Combiner::task_arithmetic, Dtype::bf16, Dtype::bf16, {term(Dtype::bf16, 1e300, 0.5, 0)});
  settings.overflow = Overflow::saturate;
  EXPECT_FALSE(fused_applies(settings));
  check_merger(make_case(settings, 0, 300, 50), false);
}

TEST(FusedAndPlain, IdentitiesGiveTheBasesBits) {
  for (const auto combiner : k_combiners) {
    for (const auto dtype : test::k_float_types) {
      const auto same_as_base = [&](const TensorSettings& settings, bool equal_models) {
        auto test = make_case(settings, 77, 1300, 60);
        if (equal_models) std::fill(test.models.begin(), test.models.end(), test.base);
        test::on_each_target([&] {
          if (!vectors_here()) return;
          Bytes out(test.base.size());
          Counts counts;
          FusedRoom room;
          EXPECT_EQ(FusedMerge(settings, room).run(test.first, test.base, test.spans(), out, counts), 1300U);
          EXPECT_EQ(out, test.base) << text(settings);
          EXPECT_EQ(counts.swallowed, 0U);
        });
      };
      auto settings = settings_for(combiner, dtype, dtype, {term(dtype, 1, 0.5, 0), term(dtype, 0.5, 0.5, 1)});
      same_as_base(settings, true);
      settings.lambda = 0;
      same_as_base(settings, false);
      same_as_base(settings_for(combiner, dtype, dtype, {term(dtype, 1, 1, 0), term(dtype, 0.5, 1, 1)}), false);
    }
  }
}

TEST(Fused, PartsOfARunAreTheRun) {
  const auto settings =
      settings_for(Combiner::ties, Dtype::bf16, Dtype::bf16, {term(Dtype::bf16, 1, 0.9, 0), term(Dtype::bf16, 1, 0.9, 1)});
  const auto test = make_case(settings, 0, 5000, 70);
  const auto want = test::reference_merge(settings, 0, test.base, test.models);
  Bytes out(want.out.size());
  Counts counts;
  FusedRoom room;
  FusedMerge fused{settings, room};
  for (std::size_t at = 0, step = 1; at < 5000; at += step, step = step * 3 % 1999) {
    const auto count = std::min<std::size_t>(step, 5000 - at);
    std::vector<std::span<const std::byte>> models;
    for (const auto& model : test.models) models.push_back(std::span{model}.subspan(2 * at, 2 * count));
    const auto done =
        fused.run(at, std::span{test.base}.subspan(2 * at, 2 * count), models, std::span{out}.subspan(2 * at, 2 * count), counts);
    if (!vectors_here()) GTEST_SKIP() << "no vectors on this machine";
    ASSERT_EQ(done, count);
  }
  expect_equal(out, want.out, test);
}

// Points of a sweep, one after another on each run: other rates and seeds, rates that tie with draws, a value for the plain path.
TEST(TensorMerger, DrawsThatAreSharedGiveTheSameBytes) {
  const auto settings =
      settings_for(Combiner::task_arithmetic, Dtype::bf16, Dtype::bf16, {term(Dtype::bf16, 1, 0.9, 0), term(Dtype::bf16, 1, 0.9, 1)});
  auto test = make_case(settings, 0, 70'000, 90);
  test::strew(test, 30'000, false, 91);
  std::vector<TensorSettings> points;
  const random::DropStream stream{settings.seed, 1, settings.name};
  for (const auto element : {5U, 1500U, 40'000U}) {
    auto point = settings;
    for (auto& model : point.models) model.rate = Rate::from_drop((stream.uniform(element) + 1.0) / 4294967296.0);
    points.push_back(point);
  }
  for (const double p : {0.0, 1e-6, 0.3, 0.3, 1.0}) {
    auto point = settings;
    point.seed = points.size() % 2;
    for (auto& model : point.models) model.rate = Rate::from_drop(p);
    points.push_back(point);
  }
  points.back().combiner = Combiner::ties;
  for (auto& point : points) {
    point.nonfinite = Nonfinite::keep;
    point.overflow = Overflow::saturate;
  }
  test::on_each_target([&] {
    const auto shared = TensorMerger::make_scratch(true);
    for (const std::size_t tile : {4096U, 32'768U, 65'536U}) {
      for (std::size_t at = 0; at < 70'000; at += tile) {
        const auto count = std::min<std::size_t>(tile, 70'000 - at);
        std::vector<std::span<const std::byte>> models;
        for (const auto& model : test.models) models.push_back(std::span{model}.subspan(2 * at, 2 * count));
        for (const auto& point : points) {
          Bytes out(2 * count);
          Bytes expected(2 * count);
          Counts counts;
          Counts expected_counts;
          const auto base = std::span{test.base}.subspan(2 * at, 2 * count);
          EXPECT_FALSE(TensorMerger{point}.merge(at, base, models, out, counts, *shared));
          EXPECT_FALSE(TensorMerger{point}.merge(at, base, models, expected, expected_counts, *TensorMerger::make_scratch()));
          ASSERT_TRUE(out == expected) << text(point) << " at " << at << " in tiles of " << tile;
          ASSERT_EQ(counts.swallowed, expected_counts.swallowed);
        }
      }
    }
  });
}

// Vocabulary rows that one model lacks: the kernels do what all have and leave the rest.
TEST(Fused, StopsWhereAModelEnds) {
  const auto settings = settings_for(Combiner::task_arithmetic, Dtype::f16, Dtype::f16, {term(Dtype::f16, 1, 0.5, 0)});
  auto test = make_case(settings, 0, 2000, 80);
  test.models[0].resize(2 * 1500);
  Bytes out(test.base.size());
  Counts counts;
  if (!vectors_here()) GTEST_SKIP() << "no vectors on this machine";
  FusedRoom room;
  EXPECT_EQ(FusedMerge(settings, room).run(0, test.base, test.spans(), out, counts), 1500U);
  EXPECT_EQ(counts.merged, 1500U);
}

TEST(Fused, AppliesToWhatItKnows) {
  const auto good = settings_for(Combiner::ties, Dtype::bf16, Dtype::f32, {term(Dtype::f16, 1, 0.5, 0)});
  EXPECT_TRUE(fused_applies(good));
  const auto refuses = [&](auto change) {
    auto settings = good;
    change(settings);
    return !fused_applies(settings);
  };
  EXPECT_TRUE(refuses([](auto& s) { s.sparsifier = Sparsifier::magnitude; }));
  EXPECT_TRUE(refuses([](auto& s) { s.combiner = Combiner::average; }));
  EXPECT_TRUE(refuses([](auto& s) { s.rounding = Rounding::stochastic; }));
  EXPECT_TRUE(refuses([](auto& s) { s.compat = Compat::mergekit; }));
  EXPECT_TRUE(refuses([](auto& s) { s.has_base = false; }));
  EXPECT_TRUE(refuses([](auto& s) { s.models[0].source = Source::delta; }));
  EXPECT_TRUE(refuses([](auto& s) { s.models[0].rescale = Rescale::l1; }));
  EXPECT_TRUE(refuses([](auto& s) { s.models[0].dtype = Dtype::i8; }));
  EXPECT_TRUE(refuses([](auto& s) { s.models.clear(); }));
}

}  // namespace
}  // namespace dare::merge
