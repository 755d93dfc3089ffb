#pragma once
/// Many settings of one merge: a grid or a list of points, computed in as few reads of the inputs as possible.

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/run_options.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dare::sweep {

struct SweepOptions {
  pipeline::RunOptions run;
  std::filesystem::path specification;  ///< SWEEP.yml
  std::filesystem::path folder;         ///< OUTDIR; made where it is not there
  std::filesystem::path inputs_at;      ///< with a manifest as the recipe its relative paths are relative to it; empty: the working folder
  std::optional<int> groups;            ///< groups of ranks that work on points apart; nothing: one a node
  bool plan_only = false;               ///< --plan: say what would be done and what it costs, read no weight
  std::optional<int> plan_ranks;        ///< --plan for another number of ranks than these
  std::optional<int> plan_nodes;        ///< and of nodes
  bool yes = false;                     ///< go on above k_most_points
};

/// Points that a sweep may have without --yes.
inline constexpr std::uint64_t k_most_points = 10'000;

/// Does every point that is not done yet. Collective over `world`. A point that fails does so alone; it is reported, and its row says why.
/// @return the exit code: 0, or that of the points that failed.
/// @throws comm::AgreedError  on every rank, with the same text: the specification is wrong, or the sweep cannot go on.
[[nodiscard]] int sweep(const SweepOptions& options, const comm::Communicator& world);

}  // namespace dare::sweep
