#pragma once
/// A whole merge: from a recipe to a finished checkpoint with its manifest.

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/recipe/recipe.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace dare::pipeline {

struct MergeOptions {
  RunOptions run;
  std::filesystem::path output;
  std::filesystem::path recipe;     ///< or the manifest of a merge, which is made again; empty: the command line alone
  std::filesystem::path inputs_at;  ///< relative paths in a manifest are relative to it; empty: to the working folder
  recipe::Overrides overrides;
  bool plan_only = false;              ///< --plan: print the plan on stdout, read no weight
  std::optional<int> plan_ranks;       ///< --plan for another number of ranks than these
  std::optional<int> plan_nodes;       ///< and of nodes
  plan::Bandwidth bandwidth;           ///< for --plan
  std::optional<std::string> explain;  ///< --explain TENSOR[i,j]: print how this element comes about, write nothing
};

/// Merges. Collective over `world`. Nothing is at the output's place until all of it is.
/// @return the exit code, 0.
/// @throws comm::AgreedError  on every rank, with the same text.
[[nodiscard]] int merge(const MergeOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
