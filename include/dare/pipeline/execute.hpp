#pragma once
/// The way of the data: from checked work to finished outputs.

#include <dare/comm/communicator.hpp>
#include <dare/merge/run.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <optional>
#include <vector>

namespace dare::pipeline {

/// What became of a product; the same on all ranks.
struct Outcome {
  std::optional<comm::AgreedError> refusal;  ///< why it was refused; nothing for one that is in its place
  merge::Counts counts;                      ///< over all ranks, and blocks that an interrupted run did
};

/// Does `work` and puts its outputs in place. Collective. A product that is refused alone, for its values or because its place is taken,
/// does not stop the others. @return one a product.
/// @throws comm::AgreedError  nothing could be finished.
std::vector<Outcome> execute(const Work& work, const RunOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
