#pragma once
/// The one table of element types; names are those of the safetensors format.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dare {

enum class Dtype : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  c64,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4,
};

enum class DtypeKind : std::uint8_t {
  floating,  ///< merged
  integer,   ///< copied from the base
  boolean,   ///< copied from the base
  opaque,    ///< stored and copied, never interpreted
};

struct DtypeInfo {
  Dtype dtype;
  std::string_view name;        ///< as in a safetensors header
  std::string_view torch_name;  ///< as in config.json's torch_dtype and mergekit's recipes; empty where torch has none
  unsigned bits;                ///< an element's size; 4 and 6 are packed without gaps
  DtypeKind kind;
};

/// All types, in the order of the enumeration.
[[nodiscard]] std::span<const DtypeInfo> dtypes() noexcept;
[[nodiscard]] const DtypeInfo& info(Dtype dtype) noexcept;
[[nodiscard]] inline std::string_view name(Dtype dtype) noexcept {
  return info(dtype).name;
}
[[nodiscard]] inline bool is_floating(Dtype dtype) noexcept {
  return info(dtype).kind == DtypeKind::floating;
}

/// The type of that safetensors name, e.g. "BF16".
[[nodiscard]] std::optional<Dtype> dtype_named(std::string_view name) noexcept;
/// The type that a user names: safetensors' or torch's name, in any case ("BF16", "bfloat16", "half").
[[nodiscard]] std::optional<Dtype> dtype_from_user(std::string_view name);

/// Bytes of `elements` elements; nothing where that is no whole number of bytes, or not below 2^60 (2^63 bits).
[[nodiscard]] std::optional<std::uint64_t> bytes_for(Dtype dtype, std::uint64_t elements) noexcept;

}  // namespace dare
