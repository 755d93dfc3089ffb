#include "metrics/parse_records.hpp"

#include <fmt/format.h>

#include <dare/core/error.hpp>

#include <algorithm>
#include <set>

namespace dare::metrics {
namespace {

using Cells = std::vector<std::string>;

Cells split_tabs(std::string_view line) {
  Cells cells;
  for (;;) {
    const auto tab = line.find('\t');
    cells.emplace_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

void set_names(Cells names, std::uint64_t line, Records& out) {
  std::set<std::string_view> seen;
  for (const auto& name : names) {
    if (!seen.insert(name).second) {
      throw InputError{fmt::format("{}: line {}: two columns are named \"{}\"; name each once", out.path.string(), line, name)};
    }
  }
  out.names = std::move(names);
}

void add_row(Cells cells, std::uint64_t line, Records& out) {
  Record record{line, {}};
  if (cells.size() != out.names.size()) {
    throw InputError{fmt::format("{}: {} columns, the header has {}", out.where(record), cells.size(), out.names.size())};
  }
  for (std::size_t i = 0; i < cells.size(); ++i) record.fields.emplace(out.names[i], Value{Value::Kind::text, std::move(cells[i]), {}});
  out.records.push_back(std::move(record));
}

// RFC 4180: quoted cells may hold commas, line ends and doubled quotes.
class CsvParser {
 public:
  CsvParser(std::string_view text, const Records& out) : rest_{text}, out_{out} {}

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] std::uint64_t line() const { return line_; }

  Cells row() {
    Cells cells;
    for (;;) {
      cells.push_back(rest_.starts_with('"') ? quoted() : plain());
      if (rest_.starts_with(',')) {
        rest_.remove_prefix(1);
        continue;
      }
      end_line();
      return cells;
    }
  }

 private:
  std::string plain() {
    const auto end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
    std::string cell{rest_.substr(0, end)};
    rest_.remove_prefix(end);
    return cell;
  }

  std::string quoted() {
    const auto opened = line_;
    std::string cell;
    rest_.remove_prefix(1);
    for (;;) {
      const auto quote = rest_.find('"');
      if (quote == std::string_view::npos) {
        throw InputError{
            fmt::format("{}: line {}: a quoted cell does not end; double the quotes inside a cell", out_.path.string(), opened)};
      }
      cell += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      cell += '"';
      rest_.remove_prefix(1);
    }
    line_ += static_cast<std::uint64_t>(std::count(cell.begin(), cell.end(), '\n'));
    return cell;
  }

  void end_line() {
    if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
    if (!rest_.empty() && rest_.front() != '\n' && rest_.front() != '\r') {
      throw InputError{fmt::format("{}: line {}: \"{}\" follows a closing quote; expected a comma or the line's end", out_.path.string(),
                                   line_, rest_.front())};
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    ++line_;
  }

  std::string_view rest_;
  const Records& out_;
  std::uint64_t line_ = 1;
};

}  // namespace

std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void parse_csv(std::string_view text, Records& out) {
  CsvParser parser{text, out};
  if (parser.done()) return;
  set_names(parser.row(), 1, out);
  while (!parser.done()) {
    const auto line = parser.line();
    auto cells = parser.row();
    const auto blank = cells.size() == 1 && cells.front().empty() && out.names.size() > 1;
    if (!blank) add_row(std::move(cells), line, out);
  }
}

void parse_tsv(std::string_view text, const std::vector<std::string>& headerless, Records& out) {
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const auto line = take_line(text);
    if (line.empty() && out.names.size() != 1) continue;
    auto cells = split_tabs(line);
    if (!out.names.empty()) {
      add_row(std::move(cells), number, out);
      continue;
    }
    const auto named = [&](const std::string& cell) { return std::find(headerless.begin(), headerless.end(), cell) != headerless.end(); };
    if (cells.size() == headerless.size() && std::none_of(cells.begin(), cells.end(), named)) {
      set_names(headerless, number, out);
      add_row(std::move(cells), number, out);
    } else {
      set_names(std::move(cells), number, out);
    }
  }
}

void parse_lines(std::string_view text, Records& out) {
  set_names({"value"}, 1, out);
  for (std::uint64_t number = 1; !text.empty(); ++number) add_row({std::string{take_line(text)}}, number, out);
}

}  // namespace dare::metrics
