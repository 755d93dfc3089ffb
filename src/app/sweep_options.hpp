#pragma once
/// The command line of dare-sweep.

#include "app/program.hpp"

#include <dare/sweep/sweep.hpp>

namespace dare::app {

[[nodiscard]] Program sweep_program();

/// @throws UsageError
[[nodiscard]] sweep::SweepOptions sweep_options_from(const Given& given);

}  // namespace dare::app
