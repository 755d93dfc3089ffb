#include "checkpoint/h5_types.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace dare::checkpoint::hdf5 {
namespace {

// Bit positions of sign, exponent and mantissa (with its size), and the exponent's bias.
struct FloatFields {
  Dtype dtype;
  std::size_t sign, exponent, exponent_bits, mantissa_bits, bias;
};

constexpr std::array k_floats{
    FloatFields{Dtype::f64, 63, 52, 11, 52, 1023}, FloatFields{Dtype::f32, 31, 23, 8, 23, 127}, FloatFields{Dtype::f16, 15, 10, 5, 10, 15},
    FloatFields{Dtype::bf16, 15, 7, 8, 7, 127},    FloatFields{Dtype::f8_e4m3, 7, 3, 4, 3, 7},  FloatFields{Dtype::f8_e5m2, 7, 2, 5, 2, 15},
};

const FloatFields* fields_of(Dtype dtype) {
  for (const auto& row : k_floats) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

struct Integer {
  Dtype dtype;
  hid_t type;
};

// Made when asked for: HDF5 gives its types out as numbers once it runs.
std::array<Integer, 8> integers() {
  return {{{Dtype::i64, H5T_STD_I64LE},
           {Dtype::i32, H5T_STD_I32LE},
           {Dtype::i16, H5T_STD_I16LE},
           {Dtype::i8, H5T_STD_I8LE},
           {Dtype::u64, H5T_STD_U64LE},
           {Dtype::u32, H5T_STD_U32LE},
           {Dtype::u16, H5T_STD_U16LE},
           {Dtype::u8, H5T_STD_U8LE}}};
}

hid_t integer_type(Dtype dtype) {
  for (const auto& row : integers()) {
    if (row.dtype == dtype) return row.type;
  }
  return H5T_STD_U8LE;
}

// No padding: every bit of the element belongs to the number.
bool is_full(hid_t type, std::size_t size) {
  return H5Tget_precision(type) == 8 * size && H5Tget_offset(type) == 0;
}

std::optional<Dtype> float_of(hid_t type, std::size_t size) {
  std::size_t sign = 0;
  std::size_t exponent = 0;
  std::size_t exponent_bits = 0;
  std::size_t mantissa = 0;
  std::size_t mantissa_bits = 0;
  if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return std::nullopt;
  for (const auto& row : k_floats) {
    if (info(row.dtype).bits == 8 * size && sign == row.sign && exponent == row.exponent && exponent_bits == row.exponent_bits &&
        mantissa == 0 && mantissa_bits == row.mantissa_bits && H5Tget_ebias(type) == row.bias && H5Tget_norm(type) == H5T_NORM_IMPLIED) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

std::optional<Dtype> integer_of(hid_t type, std::size_t size) {
  const auto sign = H5Tget_sign(type);
  for (const auto& row : integers()) {
    if (H5Tget_size(row.type) == size && H5Tget_sign(row.type) == sign) return row.dtype;
  }
  return std::nullopt;
}

// h5py stores booleans as an enumeration FALSE = 0, TRUE = 1 of one byte.
bool is_boolean(hid_t type, std::size_t size) {
  if (size != 1 || H5Tget_nmembers(type) != 2) return false;
  std::array<unsigned char, 1> value{};
  return H5Tenum_valueof(type, "FALSE", value.data()) >= 0 && value[0] == 0 && H5Tenum_valueof(type, "TRUE", value.data()) >= 0 &&
         value[0] == 1;
}

}  // namespace

bool stored_as_bytes(Dtype dtype) {
  const auto kind = info(dtype).kind;
  return kind == DtypeKind::opaque || kind == DtypeKind::boolean;
}

H5Type file_type(Dtype dtype, const std::filesystem::path& file) {
  const Doing doing{file, "make the type", name(dtype)};
  const auto* fields = fields_of(dtype);
  if (fields == nullptr || dtype == Dtype::f32 || dtype == Dtype::f64) {
    const auto known = dtype == Dtype::f32 ? H5T_IEEE_F32LE : dtype == Dtype::f64 ? H5T_IEEE_F64LE : integer_type(dtype);
    return {H5Tcopy(known), doing};
  }
  H5Type type{H5Tcopy(H5T_IEEE_F32LE), doing};
  const std::size_t size = info(dtype).bits / 8;
  // Fields first: they must lie within the precision, which is taken down with the size.
  check(H5Tset_fields(type.get(), fields->sign, fields->exponent, fields->exponent_bits, 0, fields->mantissa_bits), doing);
  check(H5Tset_precision(type.get(), 8 * size), doing);
  check(H5Tset_size(type.get(), size), doing);
  check(H5Tset_ebias(type.get(), fields->bias), doing);
  return type;
}

std::optional<StoredType> stored_type(hid_t type) {
  const auto kind = H5Tget_class(type);
  const auto size = H5Tget_size(type);
  if (kind == H5T_ENUM) return is_boolean(type, size) ? std::optional{StoredType{Dtype::boolean, false}} : std::nullopt;
  if ((kind != H5T_FLOAT && kind != H5T_INTEGER) || !is_full(type, size)) return std::nullopt;
  const auto order = H5Tget_order(type);
  if (order != H5T_ORDER_LE && order != H5T_ORDER_BE) return std::nullopt;
  const auto dtype = kind == H5T_FLOAT ? float_of(type, size) : integer_of(type, size);
  if (!dtype) return std::nullopt;
  return StoredType{*dtype, order == H5T_ORDER_BE && size > 1};
}

std::string describe_type(hid_t type) {
  const auto kind = H5Tget_class(type);
  const auto* what = kind == H5T_FLOAT ? "float" : kind == H5T_INTEGER ? "integer" : kind == H5T_STRING ? "text" : "value of another class";
  const auto size = H5Tget_size(type);
  const auto bits = kind == H5T_FLOAT || kind == H5T_INTEGER ? H5Tget_precision(type) : 8 * size;
  return bits == 8 * size ? fmt::format("{}-byte {}", size, what) : fmt::format("{}-byte {} of {} bits", size, what, bits);
}

StoredShape stored_shape(Dtype dtype, const Shape& shape, std::uint64_t elements, std::uint64_t bytes) {
  if (stored_as_bytes(dtype)) return {{bytes}, true};
  if (shape.size() > H5S_MAX_RANK) return {{elements}, true};
  return {shape, false};
}

std::optional<Shape> extents_of(hid_t space) {
  const auto kind = H5Sget_simple_extent_type(space);
  if (kind == H5S_SCALAR) return Shape{};
  const auto rank = kind == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : -1;
  if (rank < 0 || rank > H5S_MAX_RANK) return std::nullopt;
  std::array<hsize_t, H5S_MAX_RANK> extents{};
  if (H5Sget_simple_extent_dims(space, extents.data(), nullptr) < 0) return std::nullopt;
  return Shape{extents.begin(), extents.begin() + rank};
}

}  // namespace dare::checkpoint::hdf5
