#pragma once
/// A program's description as text for a terminal, as a manual page and as a completion for bash.

#include "app/program.hpp"

#include <string>
#include <vector>

namespace dare::app {

/// --help, as it is printed: at most 80 columns, apart from lines that stay as they are.
[[nodiscard]] std::string help_text(const Program& program);

/// The manual page, section 1, as roff. No date: equal sources give equal pages.
[[nodiscard]] std::string man_page(const Program& program);

/// A file for bash-completion's folder; works without the bash-completion package too.
[[nodiscard]] std::string bash_completion(const Program& program);

/// --version: the program, the libraries it runs with, and the instruction set of the kernels. Needs no MPI_Init.
[[nodiscard]] std::string version_text(const Program& program);

/// A paragraph, or lines that stay as they are.
struct Paragraph {
  bool verbatim = false;
  std::string text;
};
[[nodiscard]] std::vector<Paragraph> paragraphs_of(const std::string& text);

}  // namespace dare::app
