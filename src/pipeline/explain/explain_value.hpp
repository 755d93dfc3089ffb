#pragma once
/// Numbers of an explanation as text.

#include "merge/explain.hpp"

#include <string>

namespace dare::pipeline {

/// The shortest decimal that reads back as the same float32 (float64 where `wide`).
[[nodiscard]] std::string number_text(double value, bool wide);
/// The bits, in as many hexadecimal digits as the type has.
[[nodiscard]] std::string bits_text(const merge::StoredElement& element);
/// The value, of any type that has one: floats, integers, booleans; empty for others.
[[nodiscard]] std::string value_text(const merge::StoredElement& element);

}  // namespace dare::pipeline
