#include "app/plan_options.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

namespace dare::app {
namespace {

constexpr int k_most_planned = 1 << 20;

std::optional<int> planned(const Given& given, const char* name) {
  if (given.count(name) == 0) return std::nullopt;
  const auto n = given[name].as<int>();
  if (n < 1 || n > k_most_planned) throw UsageError{fmt::format("--{} {}: give a number from 1 to {}", name, n, k_most_planned)};
  return n;
}

}  // namespace

void add_plan_options(boost::program_options::options_description& group, const std::string& plan, const std::string& ranks) {
  namespace po = boost::program_options;
  auto add = group.add_options();
  add("plan", po::bool_switch(), plan.c_str());
  add("ranks", po::value<int>()->value_name("N"), ranks.c_str());
  add("nodes", po::value<int>()->value_name("M"), "... spread over M nodes (1)");
}

PlanChoice plan_choice_from(const Given& given) {
  const PlanChoice choice{given["plan"].as<bool>(), planned(given, "ranks"), planned(given, "nodes")};
  const auto& [plan_only, ranks, nodes] = choice;
  if ((ranks || nodes) && !plan_only) {
    throw UsageError{"--ranks and --nodes go with --plan; ranks to run with are mpirun's or srun's to give"};
  }
  if (nodes && !ranks) throw UsageError{"--nodes says where --ranks run; give --ranks too"};
  if (nodes && *nodes > *ranks) {
    throw UsageError{fmt::format("--ranks {} cannot be on --nodes {}: give a rank a node or more", *ranks, *nodes)};
  }
  return choice;
}

}  // namespace dare::app
