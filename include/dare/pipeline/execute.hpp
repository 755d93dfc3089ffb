#pragma once
/// The way of the data: from checked work to finished outputs.

#include <dare/comm/communicator.hpp>
#include <dare/merge/run.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dare::pipeline {

/// What became of a product; the same on all ranks.
struct Outcome {
  std::optional<comm::AgreedError> refusal;  ///< why it was refused; nothing for one that is in its place
  merge::Counts counts;                      ///< over all ranks, and blocks that an interrupted run did
  /// In what it differs from what Product::record says, empty where in nothing; absent without a record. Rank 0's.
  std::optional<std::string> against_record = {};
};

/// What a run did; the same on all ranks.
struct Execution {
  std::vector<Outcome> outcomes;    ///< one a product
  std::uint64_t bytes_read = 0;     ///< of the inputs, by the merge itself; like the next without what an interrupted run had done
  std::uint64_t bytes_written = 0;  ///< of all products' weights
};

/// Does `work` and puts its outputs in place. Collective. A product that is refused alone, for its values or because its place is taken,
/// does not stop the others.
/// @throws comm::AgreedError  nothing could be finished.
Execution execute(const Work& work, const RunOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
