#pragma once
/// The checked command line of dare-score.

#include "app/program.hpp"

#include <dare/metrics/sandbox.hpp>
#include <dare/metrics/score.hpp>

#include <filesystem>
#include <optional>
#include <vector>

namespace dare::score {

inline constexpr unsigned k_jobs = 1;  ///< programs that run at a time, unless something else is asked for

struct Settings {
  const metrics::Task* task;
  std::filesystem::path predictions;
  std::optional<std::filesystem::path> references;
  metrics::ScoreOptions scoring;
  metrics::SandboxOptions sandbox;
  unsigned jobs = k_jobs;
  std::filesystem::path results;  ///< of samples that are run
  bool overwrite = false;
  bool json = false;
  bool scores = false;  ///< one line for dare-sweep
};

/// The name that messages begin with.
inline constexpr auto k_program = "dare-score";

/// The words and options of dare-score.
[[nodiscard]] app::Program program();
/// @throws UsageError  a word missing or too many, a value out of range, programs to run without --allow-code-execution.
[[nodiscard]] Settings settings_from(const app::Given& given);

}  // namespace dare::score
