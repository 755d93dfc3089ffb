#pragma once
/// Figures in columns, for people. Names of tensors go last, as those of files in `ls -l`: they are long, and the figures stay in sight.

#include <cstddef>
#include <string>
#include <vector>

namespace dare {

/// The columns of the terminal that standard output is; 0 where it is none, as a file or under mpirun.
[[nodiscard]] std::size_t terminal_columns() noexcept;

class Table {
 public:
  using Row = std::vector<std::string>;

  /// What becomes of a table that is wider than the terminal. Nothing is ever cut: what is printed can be copied into a command.
  enum class Narrow {
    name_above,  ///< the last cell of each row, its name, stands on a line of its own before the others; turned where only that fits
    turned,      ///< rows become columns, as many side by side as there is room for
  };

  /// @param headings  a heading that begins with '<' is for a column of words, set to the left; numbers are set to the right.
  explicit Table(Row headings, Narrow narrow = Narrow::name_above);
  /// @pre no more cells than headings; columns without a cell stay empty
  void add(Row cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.size() == 1; }
  /// Two spaces between columns, a line each, the headings first. @param columns  of the terminal, 0: no limit
  [[nodiscard]] std::string text(std::size_t columns = 0) const;

 private:
  [[nodiscard]] std::string with_names_above() const;
  [[nodiscard]] std::string columns_of(std::size_t first, std::size_t last) const;
  [[nodiscard]] std::string turned(std::size_t columns) const;

  Narrow narrow_;
  std::vector<bool> left_;
  std::vector<Row> rows_;
};

/// Lines of a key and what is said of it, in two columns; what is too wide for the terminal goes on below itself.
/// @param columns  of the terminal, 0: no limit
[[nodiscard]] std::string lines_of_keys(const std::vector<Table::Row>& rows, std::size_t columns = 0);

}  // namespace dare
