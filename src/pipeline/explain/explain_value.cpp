#include "pipeline/explain/explain_value.hpp"

#include <fmt/format.h>

namespace dare::pipeline {

std::string number_text(double value, bool wide) {
  return wide ? fmt::format("{}", value) : fmt::format("{}", static_cast<float>(value));
}

std::string bits_text(const merge::StoredElement& element) {
  return fmt::format("0x{:0{}x}", element.bits, info(element.dtype).bits / 4);
}

std::string value_text(const merge::StoredElement& element) {
  const auto& type = info(element.dtype);
  switch (type.kind) {
    case DtypeKind::floating:
      return number_text(element.value, type.bits == 64);
    case DtypeKind::boolean:
      return element.bits == 0 ? "false" : "true";
    case DtypeKind::integer: {
      if (type.name.starts_with('U')) return fmt::format("{}", element.bits);
      const auto unused = 64 - type.bits;
      return fmt::format("{}", static_cast<std::int64_t>(element.bits << unused) >> unused);
    }
    case DtypeKind::opaque:
      return "";
  }
  return "";
}

}  // namespace dare::pipeline
