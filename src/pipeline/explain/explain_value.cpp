#include "pipeline/explain/explain_value.hpp"

#include <fmt/format.h>

#include <algorithm>

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

std::string table_text(const std::vector<std::vector<std::string>>& rows, std::size_t indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line(indent, ' ');
    for (std::size_t c = 0; c < row.size(); ++c) line += fmt::format("{:<{}}  ", row[c], widths[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

}  // namespace dare::pipeline
