#pragma once
/// The options of every program that moves a checkpoint through the slice loop.

#include "app/program.hpp"

#include <dare/pipeline/run_options.hpp>

namespace dare::app {

/// --writers, --memory-per-rank, --resume, --restart, --overwrite, --hash-inputs, --shard-size, --progress, --log-level, --json.
[[nodiscard]] boost::program_options::options_description run_options_group();

/// @throws UsageError
[[nodiscard]] pipeline::RunOptions run_options_from(const Given& given, const std::string& program);

/// What the exit codes mean for a program with these options, whose last word is called `output`.
[[nodiscard]] std::vector<ExitMeaning> run_exit_meanings(const std::string& output);

}  // namespace dare::app
