#include <dare/core/dtype.hpp>

#include "core/lower_case.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace dare {
namespace {

using enum DtypeKind;

constexpr std::array k_dtypes{
    DtypeInfo{Dtype::f64, "F64", "float64", 64, floating},
    DtypeInfo{Dtype::f32, "F32", "float32", 32, floating},
    DtypeInfo{Dtype::f16, "F16", "float16", 16, floating},
    DtypeInfo{Dtype::bf16, "BF16", "bfloat16", 16, floating},
    DtypeInfo{Dtype::f8_e4m3, "F8_E4M3", "float8_e4m3fn", 8, floating},
    DtypeInfo{Dtype::f8_e5m2, "F8_E5M2", "float8_e5m2", 8, floating},
    DtypeInfo{Dtype::i64, "I64", "int64", 64, integer},
    DtypeInfo{Dtype::i32, "I32", "int32", 32, integer},
    DtypeInfo{Dtype::i16, "I16", "int16", 16, integer},
    DtypeInfo{Dtype::i8, "I8", "int8", 8, integer},
    DtypeInfo{Dtype::u64, "U64", "uint64", 64, integer},
    DtypeInfo{Dtype::u32, "U32", "uint32", 32, integer},
    DtypeInfo{Dtype::u16, "U16", "uint16", 16, integer},
    DtypeInfo{Dtype::u8, "U8", "uint8", 8, integer},
    DtypeInfo{Dtype::boolean, "BOOL", "bool", 8, DtypeKind::boolean},
    DtypeInfo{Dtype::c64, "C64", "complex64", 64, opaque},
    DtypeInfo{Dtype::f8_e8m0, "F8_E8M0", "float8_e8m0fnu", 8, opaque},
    DtypeInfo{Dtype::f8_e4m3fnuz, "F8_E4M3FNUZ", "float8_e4m3fnuz", 8, opaque},
    DtypeInfo{Dtype::f8_e5m2fnuz, "F8_E5M2FNUZ", "float8_e5m2fnuz", 8, opaque},
    DtypeInfo{Dtype::f6_e2m3, "F6_E2M3", "", 6, opaque},
    DtypeInfo{Dtype::f6_e3m2, "F6_E3M2", "", 6, opaque},
    DtypeInfo{Dtype::f4, "F4", "", 4, opaque},
};

static_assert(
    [] {
      for (std::size_t i = 0; i < k_dtypes.size(); ++i) {
        if (static_cast<std::size_t>(k_dtypes[i].dtype) != i) return false;
      }
      return true;
    }(),
    "the table follows the enumeration");

}  // namespace

std::span<const DtypeInfo> dtypes() noexcept {
  return k_dtypes;
}

const DtypeInfo& info(Dtype dtype) noexcept {
  return k_dtypes[static_cast<std::size_t>(dtype)];
}

std::optional<Dtype> dtype_named(std::string_view name) noexcept {
  for (const auto& row : k_dtypes) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

std::optional<Dtype> dtype_from_user(std::string_view name) {
  auto wanted = lower_case(std::string{name});
  if (wanted.starts_with("fp")) wanted.erase(1, 1);  // fp16, as training scripts write it
  if (wanted == "float") return Dtype::f32;
  if (wanted == "double") return Dtype::f64;
  if (wanted == "half") return Dtype::f16;
  for (const auto& row : k_dtypes) {
    if (wanted == lower_case(std::string{row.name}) || (!row.torch_name.empty() && wanted == row.torch_name)) return row.dtype;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> bytes_for(Dtype dtype, std::uint64_t elements) noexcept {
  const std::uint64_t bits = info(dtype).bits;
  if (elements > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / bits) return std::nullopt;
  if (elements * bits % 8 != 0) return std::nullopt;
  return elements * bits / 8;
}

}  // namespace dare
