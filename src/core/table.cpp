#include "core/table.hpp"

#include "core/filled.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace dare {
namespace {

constexpr std::size_t k_gap = 2;

std::vector<std::size_t> widths_of(const std::vector<Table::Row>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  return widths;
}

std::string line_of(const Table::Row& row, const std::vector<std::size_t>& widths, const std::vector<bool>& left) {
  std::string line;
  for (std::size_t c = 0; c < row.size(); ++c) {
    if (c != 0) line.append(k_gap, ' ');
    line += left[c] ? fmt::format("{:<{}}", row[c], widths[c]) : fmt::format("{:>{}}", row[c], widths[c]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string lines_of(const std::vector<Table::Row>& rows, const std::vector<bool>& left) {
  const auto widths = widths_of(rows);
  std::string text;
  for (const auto& row : rows) text += line_of(row, widths, left);
  return text;
}

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    widest = std::max(widest, end - at);
    at = end + 1;
  }
  return widest;
}

}  // namespace

std::size_t terminal_columns() noexcept {
  winsize size{};
  const bool known = ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;  // NOLINT(*-vararg): its interface
  return known ? size.ws_col : 0;
}

Table::Table(Row headings, Narrow narrow) : narrow_{narrow} {
  for (auto& heading : headings) {
    left_.push_back(heading.starts_with('<'));
    if (left_.back()) heading.erase(0, 1);
  }
  rows_.push_back(std::move(headings));
}

void Table::add(Row cells) {
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t columns) const {
  auto text = lines_of(rows_, left_);
  if (columns == 0 || widest_line(text) <= columns) return text;
  auto as_columns = turned(columns);
  if (narrow_ == Narrow::turned) return as_columns;
  text = with_names_above();
  return widest_line(text) > columns && widest_line(as_columns) <= columns ? as_columns : text;
}

std::string Table::with_names_above() const {
  auto rest = rows_;
  for (auto& row : rest) {
    row.pop_back();
    row.front().insert(0, k_gap, ' ');
  }
  const auto widths = widths_of(rest);
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) text += rows_[r].back() + '\n' + line_of(rest[r], widths, left_);
  return text;
}

// Rows [first, last) as columns, after that of the headings.
std::string Table::columns_of(std::size_t first, std::size_t last) const {
  std::vector<Row> lines;
  for (std::size_t c = 0; c < left_.size(); ++c) {
    auto& line = lines.emplace_back(Row{rows_[0][c]});
    for (auto r = first; r < last; ++r) line.push_back(c < rows_[r].size() ? rows_[r][c] : "");
  }
  return lines_of(lines, std::vector<bool>(1 + last - first, true));
}

std::string Table::turned(std::size_t columns) const {
  std::string text;
  for (std::size_t first = 1; first < rows_.size();) {
    auto last = first + 1;  // one at least, however wide
    while (last < rows_.size() && widest_line(columns_of(first, last + 1)) <= columns) ++last;
    text += (text.empty() ? "" : "\n") + columns_of(first, last);
    first = last;
  }
  return text;
}

std::string lines_of_keys(const std::vector<Table::Row>& rows, std::size_t columns) {
  const auto widths = widths_of(rows);
  std::string text;
  for (const auto& row : rows) {
    const auto line = line_of(row, widths, {true, true});
    text += columns == 0 || widest_line(line) <= columns ? line : row[0] + filled(row[1], widths[0] + k_gap, row[0].size(), columns);
  }
  return text;
}

}  // namespace dare
