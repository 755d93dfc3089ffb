#include "core/filled.hpp"

#include <sstream>

namespace dare {

std::string filled(const std::string& text, std::size_t indent, std::size_t begun, std::size_t columns) {
  std::string out;
  std::size_t column = begun;
  std::istringstream words{text};
  for (std::string word; words >> word;) {
    if (column > indent && column + 1 + word.size() > columns) {
      out += '\n';
      column = 0;
    }
    if (column < indent) {
      out.append(indent - column, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + '\n';
}

}  // namespace dare
