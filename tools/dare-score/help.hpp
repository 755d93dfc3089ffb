#pragma once

#include "app/program.hpp"

#include <vector>

namespace dare::score {

/// What dare-score's manual says beside its options.
[[nodiscard]] std::vector<app::Section> sections();

}  // namespace dare::score
