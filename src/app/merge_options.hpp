#pragma once
/// The command line of dare-merge.

#include "app/program.hpp"

#include <dare/pipeline/merge.hpp>

namespace dare::app {

[[nodiscard]] Program merge_program();

/// @throws UsageError
[[nodiscard]] pipeline::MergeOptions merge_options_from(const Given& given);

}  // namespace dare::app
