#pragma once
/// Small values at an object: text, a number, a shape.

#include "checkpoint/h5_handle.hpp"

#include <dare/core/shape.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dare::checkpoint::hdf5 {

/// Any bytes, an embedded or last NUL too; fixed length, marked as UTF-8.
void put_text(hid_t object, const char* name, std::string_view text, const Doing& doing);
void put_number(hid_t object, const char* name, std::uint64_t number, const Doing& doing);
void put_shape(hid_t object, const char* name, const Shape& shape, const Doing& doing);

/// Nothing where the attribute is not there or holds something else. @throws Hdf5Error  it cannot be read.
[[nodiscard]] std::optional<std::string> get_text(hid_t object, const char* name, const Doing& doing);
[[nodiscard]] std::optional<std::uint64_t> get_number(hid_t object, const char* name, const Doing& doing);
[[nodiscard]] std::optional<Shape> get_shape(hid_t object, const char* name, const Doing& doing);

/// The same of an attribute that is open.
[[nodiscard]] std::optional<std::string> text_in(hid_t attribute, const Doing& doing);
[[nodiscard]] std::optional<std::uint64_t> number_in(hid_t attribute, const Doing& doing);

}  // namespace dare::checkpoint::hdf5
