#include "merge/float_reference.hpp"
#include "support/targets.hpp"

#include <dare/merge/tensor_merger.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace dare::merge {
namespace {

using test::narrowed;
using test::size_of;
using test::value_at;
using Bytes = std::vector<std::byte>;

constexpr std::array k_types{Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2};

void append(Bytes& bytes, std::uint64_t code, std::size_t size) {
  const auto at = bytes.size();
  bytes.resize(at + size);
  std::memcpy(bytes.data() + at, &code, size);
}
void append(Bytes& bytes, Dtype dtype, double value) {
  append(bytes, dtype == Dtype::f64 ? std::bit_cast<std::uint64_t>(value) : std::bit_cast<std::uint32_t>(static_cast<float>(value)),
         size_of(dtype));
}

struct Expected {
  Bytes saturated;
  std::optional<std::uint64_t> overflow;  ///< the lowest index
};

Expected expected(Dtype from, const Bytes& in, Dtype to) {
  Expected result;
  for (std::size_t i = 0; i < in.size() / size_of(from); ++i) {
    const auto code = narrowed(to, value_at(from, in.data() + i * size_of(from)));
    append(result.saturated, code.code, size_of(to));
    if (code.overflow && !result.overflow) result.overflow = i;
  }
  return result;
}

void check(Dtype from, const Bytes& in, Dtype to, const Expected& want) {
  SCOPED_TRACE(fmt::format("{} to {}", name(from), name(to)));
  Bytes out(want.saturated.size());
  EXPECT_EQ(convert(from, in, to, out, Overflow::saturate, Nonfinite::keep), std::nullopt);
  for (std::size_t i = 0; i < out.size() / size_of(to); ++i) {
    std::uint64_t got = 0;
    std::uint64_t wanted = 0;
    std::memcpy(&got, out.data() + i * size_of(to), size_of(to));
    std::memcpy(&wanted, want.saturated.data() + i * size_of(to), size_of(to));
    ASSERT_EQ(got, wanted) << fmt::format("element {}: {:a} gives {:x}, not {:x}", i, value_at(from, in.data() + i * size_of(from)), got,
                                          wanted);
  }
  EXPECT_EQ(convert(from, in, to, out, Overflow::error), want.overflow);
}

// All of `in` at once, and its elements that fit at once: these alone stay in the vector kernels throughout.
void check_all(Dtype from, const Bytes& in) {
  for (const auto to : k_types) {
    if (to == from) continue;
    const auto want = expected(from, in, to);
    Bytes fitting;
    for (std::size_t i = 0; i < in.size() / size_of(from); ++i) {
      const auto* element = in.data() + i * size_of(from);
      if (std::isfinite(value_at(from, element)) && !narrowed(to, value_at(from, element)).overflow)
        fitting.insert(fitting.end(), element, element + size_of(from));
    }
    const auto want_fitting = expected(from, fitting, to);
    ASSERT_EQ(want_fitting.overflow, std::nullopt);
    ASSERT_FALSE(fitting.empty());
    test::on_each_target([&] {
      check(from, in, to, want);
      check(from, fitting, to, want_fitting);
    });
  }
}

Bytes all_codes(Dtype dtype) {
  Bytes bytes;
  for (std::uint64_t code = 0; code < (std::uint64_t{1} << info(dtype).bits); ++code) append(bytes, code, size_of(dtype));
  return bytes;
}

TEST(Convert, EveryCodeOfTheNarrowTypes) {
  for (const auto from : {Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2}) check_all(from, all_codes(from));
}

// Every border between neighbours of a narrow type, as near to it as the wide type goes, on both sides of zero.
Bytes borders(Dtype wide, Dtype narrow) {
  const auto& values = test::finite_values(narrow);
  Bytes bytes;
  const auto around = [&](double value) {
    for (const auto sign : {1.0, -1.0}) {
      append(bytes, wide, sign * value);
      const auto infinity = std::numeric_limits<double>::infinity();
      if (wide == Dtype::f64) {
        append(bytes, wide, sign * std::nextafter(value, 0.0));
        append(bytes, wide, sign * std::nextafter(value, infinity));
      } else {
        append(bytes, wide, static_cast<double>(std::nextafter(static_cast<float>(sign * value), 0.0F)));
        append(bytes, wide, static_cast<double>(std::nextafter(static_cast<float>(sign * value), static_cast<float>(sign * infinity))));
      }
    }
  };
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    around(values[i]);
    around(values[i] + (values[i + 1] - values[i]) / 2);
  }
  const auto last = values.size() - 1;
  around(values[last]);
  around(values[last] + (values[last] - values[last - 1]) / 2);
  around(values[last] + (values[last] - values[last - 1]));
  return bytes;
}

TEST(Convert, BordersOfTheNarrowTypesFromF64) {
  for (const auto to : {Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2}) check_all(Dtype::f64, borders(Dtype::f64, to));
}

TEST(Convert, BordersOfTheNarrowTypesFromF32) {
  for (const auto to : {Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2}) check_all(Dtype::f32, borders(Dtype::f32, to));
}

// A double a little above the middle of two halves: rounding to float first would hit the middle and go the other way.
TEST(Convert, F64ToF16RoundsOnce) {
  const auto value = 1 + 0x1p-11 + 0x1p-40;
  Bytes in;
  append(in, Dtype::f64, value);
  std::uint16_t out = 0;
  EXPECT_EQ(convert(Dtype::f64, in, Dtype::f16, std::as_writable_bytes(std::span{&out, 1}), Overflow::error), std::nullopt);
  EXPECT_EQ(out, 0x3C01);
}

TEST(Convert, InfinityThatIsKeptBecomesNanWhereThereIsNone) {
  for (const auto from : {Dtype::f32, Dtype::bf16, Dtype::f64}) {
    Bytes in;
    for (const auto value : {1.0, -static_cast<double>(INFINITY)}) {
      Bytes one(8);
      ASSERT_FALSE(convert(Dtype::f64, std::as_bytes(std::span{&value, 1}), from, std::span{one}.first(size_of(from)), Overflow::error));
      in.insert(in.end(), one.begin(), one.begin() + static_cast<std::ptrdiff_t>(size_of(from)));
    }
    Bytes out(2);
    for (const auto overflow : {Overflow::error, Overflow::saturate}) EXPECT_EQ(convert(from, in, Dtype::f8_e4m3, out, overflow), 1U);
    EXPECT_EQ(convert(from, in, Dtype::f8_e4m3, out, Overflow::error, Nonfinite::keep), std::nullopt);
    EXPECT_EQ(out, (Bytes{std::byte{0x38}, std::byte{0x7F}}));
  }
  const auto large = 1e9;
  Bytes out(1);
  EXPECT_EQ(convert(Dtype::f64, std::as_bytes(std::span{&large, 1}), Dtype::f8_e4m3, out, Overflow::error, Nonfinite::keep), 0U);
}

TEST(Convert, RandomBitsOfTheWideTypes) {
  std::mt19937_64 bits{20240};
  for (const auto from : {Dtype::f32, Dtype::f64}) {
    Bytes in;
    for (int i = 0; i < 20000; ++i) append(in, bits(), size_of(from));
    // Most random doubles are far outside the narrow types: as many again within.
    std::uniform_int_distribution<int> exponent{-160, 130};
    for (int i = 0; i < 20000; ++i) append(in, from, std::ldexp(1 + static_cast<double>(bits() >> 12U) * 0x1p-52, exponent(bits)));
    check_all(from, in);
  }
}

TEST(Convert, F64ToF32AtTheBorders) {
  Bytes in;
  std::mt19937_64 bits{7};
  for (int i = 0; i < 5000; ++i) {
    const auto low = std::bit_cast<float>(static_cast<std::uint32_t>(bits()) & 0x7F7FFFFFU & (i % 3 == 0 ? 0x00FFFFFFU : ~0U));
    const auto middle = (static_cast<double>(low) + static_cast<double>(std::nextafter(low, std::numeric_limits<float>::infinity()))) / 2;
    for (const auto value : {static_cast<double>(low), middle, std::nextafter(middle, 0.0), std::nextafter(middle, 1e300)}) {
      append(in, Dtype::f64, value);
      append(in, Dtype::f64, -value);
    }
  }
  for (const auto value : {0x1.fffffep127, 0x1.fffffefffffffp127, 0x1.ffffffp127, 0x1p-149, 0x1p-150, 0x1.8p-150, 0x1p-151, 5e-324})
    append(in, Dtype::f64, value);
  check_all(Dtype::f64, in);
}

TEST(Convert, WideningAndNarrowingGivesTheSameBits) {
  for (const auto narrow : {Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2}) {
    Bytes in;
    for (std::uint64_t code = 0; code < (std::uint64_t{1} << info(narrow).bits); ++code) {
      if (!std::isnan(value_at(narrow, reinterpret_cast<const std::byte*>(&code)))) append(in, code, size_of(narrow));
    }
    const auto n = in.size() / size_of(narrow);
    for (const auto wide : {Dtype::f32, Dtype::f64}) {
      Bytes widened(n * size_of(wide));
      Bytes back(in.size());
      EXPECT_EQ(convert(narrow, in, wide, widened, Overflow::error), std::nullopt);
      EXPECT_EQ(convert(wide, widened, narrow, back, Overflow::error), std::nullopt);
      EXPECT_EQ(in, back) << name(narrow);
    }
  }
}

TEST(Convert, TheSameTypeKeepsPayloads) {
  const auto in = all_codes(Dtype::f16);
  Bytes out(in.size());
  EXPECT_EQ(convert(Dtype::f16, in, Dtype::f16, out, Overflow::error), std::nullopt);
  EXPECT_EQ(in, out);
}

TEST(Convert, AnyLengthAndAlignment) {
  std::mt19937 bits{3};
  for (const auto from : k_types) {
    for (const auto to : k_types) {
      if (from == to) continue;
      test::on_each_target([&] {
        for (std::size_t n = 0; n <= 3 * 64 + 1; n += n < 70 ? 1 : 13) {
          const std::size_t offset = n % 4;
          Bytes in(offset);
          for (std::size_t i = 0; i < n; ++i) {
            const auto code = narrowed(from, (static_cast<double>(bits()) - 0x1p31) * 0x1p-29);
            append(in, code.code, size_of(from));
          }
          Bytes out(offset + n * size_of(to) + 1, std::byte{0x5A});
          const auto in_span = std::span{in}.subspan(offset);
          ASSERT_EQ(convert(from, in_span, to, std::span{out}.subspan(offset, n * size_of(to)), Overflow::error), std::nullopt);
          const auto want = expected(from, Bytes(in_span.begin(), in_span.end()), to).saturated;
          ASSERT_EQ(Bytes(out.begin() + static_cast<std::ptrdiff_t>(offset), out.end() - 1), want) << name(from) << name(to) << n;
          ASSERT_EQ(out.back(), std::byte{0x5A});
        }
      });
    }
  }
}

}  // namespace
}  // namespace dare::merge
