#pragma once
/// --plan, --ranks and --nodes: what a run would do, on this or another number of ranks.

#include "app/program.hpp"

#include <optional>
#include <string>

namespace dare::app {

/// @param plan, ranks  what --plan and --ranks do, in the program's words
void add_plan_options(boost::program_options::options_description& group, const std::string& plan, const std::string& ranks);

struct PlanChoice {
  bool plan_only = false;
  std::optional<int> ranks;
  std::optional<int> nodes;
};

/// @throws UsageError  a number out of range, or one that does not go with the others
[[nodiscard]] PlanChoice plan_choice_from(const Given& given);

}  // namespace dare::app
