#include "compare/figure_text.hpp"

#include <fmt/format.h>

namespace dare::compare {

std::string percent(double share) {
  return fmt::format("{:.3g} %", 100 * share);
}

std::string figure(double value) {
  return fmt::format("{:.3g}", value);
}

}  // namespace dare::compare
