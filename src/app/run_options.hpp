#pragma once
/// The options of every program that moves a checkpoint through the slice loop.

#include "app/program.hpp"

#include <dare/pipeline/run_options.hpp>

#include <string>
#include <vector>

namespace dare::app {

/// What the options do that mean something of their own in a program; the words of dare-merge to begin with. An option without words is not
/// there.
struct RunWords {
  std::string resume = "go on where an interrupted run of the same command stopped";
  std::string restart = "remove what an interrupted run did, and begin anew";
  std::string overwrite = "replace OUTPUT, which must be a model, once the new one is complete";
  std::string hash_inputs = "contents of all inputs in the manifest (reads them once more)";
  std::string notes = "notes on the merge";  ///< what --log-level info says
  std::string json = "the summary (or the plan, or the explanation) as JSON on stdout";
};

/// --writers, --memory-per-rank, --resume, --restart, --overwrite, --hash-inputs, --shard-size, --progress, --log-level, --json.
[[nodiscard]] boost::program_options::options_description run_options_group(const RunWords& words = {});

/// --memory-per-rank, for programs that have it without the others.
void add_memory_option(boost::program_options::options_description& group);

/// @throws UsageError
[[nodiscard]] pipeline::RunOptions run_options_from(const Given& given, const std::string& program);

/// What the exit codes mean for a program with these options that can be given --resume, whose last word is called `output`.
[[nodiscard]] std::vector<ExitMeaning> run_exit_meanings(const std::string& output);

/// Puts a program's own words in the place of those for `code`, or adds them where there are none. @pre exits are in the codes' order
void set_meaning(std::vector<ExitMeaning>& exits, ExitCode code, std::string meaning);

}  // namespace dare::app
