#pragma once
/// Figures in columns, for people. Names of tensors go last, as those of files in `ls -l`: they are long, and the figures stay in sight.

#include <string>
#include <vector>

namespace dare::compare {

class Table {
 public:
  /// @param headings  a heading that begins with '<' is for a column of words, set to the left; numbers are set to the right.
  explicit Table(std::vector<std::string> headings);
  /// @pre as many cells as headings
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.size() == 1; }
  /// Two spaces between columns, a line each, the headings first.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<bool> left_;
  std::vector<std::vector<std::string>> rows_;
};

/// "12.3 %": three digits.
[[nodiscard]] std::string percent(double share);
/// Three significant digits: "0.00172", "1.2e-05".
[[nodiscard]] std::string figure(double value);

}  // namespace dare::compare
