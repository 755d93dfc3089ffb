#pragma once
/// What a finished run tells its user on stdout.

#include "pipeline/run_context.hpp"

#include <dare/plan/plan.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dare::pipeline {

/// The summary, as the start of a message that it cannot be printed: the output stands all the same.
[[nodiscard]] std::string summary_of(const std::filesystem::path& output);

/// Gathers every rank's times; rank 0 prints them and the sums of all products that are in their places, if there is any. Collective.
/// On stderr it says which models have no delta.
/// @param reused  blocks of an interrupted run.  @throws comm::AgreedError  stdout cannot be written.
void print_summary(const RunContext& run, const plan::Plan& plan, const RunResult& made, const std::vector<std::uint64_t>& reused);

/// The summary of a run that found everything finished: nothing moved, all blocks reused. As text it is what the output
/// is to a merge that was made again, if anything. Collective.
/// @throws comm::AgreedError  stdout cannot be written.
void print_finished_summary(const RunContext& run, const Outcome& outcome);

}  // namespace dare::pipeline
