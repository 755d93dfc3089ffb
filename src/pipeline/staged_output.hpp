#pragma once
/// The first act of a run: the output's files are made under a hidden name, or those of an interrupted run are taken over.

#include "pipeline/run_context.hpp"
#include "pipeline/staging.hpp"

#include <memory>
#include <vector>

namespace dare::pipeline {

/// What every rank knows of an output that is being built.
struct StagedOutput {
  std::filesystem::path root;  ///< of the temporary
  std::filesystem::path journal;
  checkpoint::OutputLayout layout;
  bool continued = false;              ///< an interrupted run's
  std::vector<JournalRecord> records;  ///< of its journal, where it is continued
  std::unique_ptr<Staging> staging;    ///< rank 0 alone

  template <class A>
  void archive(A& a) {
    a(root, journal, layout, continued, records);
  }
};

/// Makes the files of every product or takes over an interrupted run's. Collective. @return one a product. @throws comm::AgreedError
[[nodiscard]] std::vector<StagedOutput> stage_outputs(RunContext& run, std::uint64_t blocks);

}  // namespace dare::pipeline
