#pragma once
/// What every stage of one run is told.

#include "pipeline/delta_report.hpp"
#include "pipeline/timings.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/core/error.hpp>
#include <dare/core/hash.hpp>
#include <dare/pipeline/execute.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace dare::pipeline {

struct RunContext {
  const Work& work;
  const RunOptions& options;
  const comm::Communicator& world;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  Timings timings{};  ///< of this rank

  /// With --log-level debug: says on rank 0's stderr what a stage has decided or done, and when. Local.
  void tell(const std::string& stage) const;
  /// Is there anyone to tell? Local.
  [[nodiscard]] bool tells() const noexcept { return options.log_level == LogLevel::debug && world.is_root(); }
  [[nodiscard]] double elapsed_s() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }
};

/// What the slice loop made of one product; the same on all ranks.
struct ProductResult {
  Outcome outcome;
  std::vector<Hash128> hashes;  ///< of all blocks of the grid, zero for those of an earlier run; empty where the product is refused
};

/// What it made of all.
struct RunResult {
  std::vector<ProductResult> products;
  DeltaFlags deltas;  ///< of all ranks; where no summary is asked for, of this one
};

}  // namespace dare::pipeline
