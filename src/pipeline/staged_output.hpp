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
  std::vector<JournalRecord> records;  ///< of the journal that is continued; empty for a new one
  std::unique_ptr<Staging> staging;    ///< rank 0 alone

  template <class A>
  void archive(A& a) {
    a(root, journal, layout, records);
  }
};

/// Whether all files of the layout are there, none shorter than it says. Local.
[[nodiscard]] bool complete(const std::filesystem::path& root, const checkpoint::OutputLayout& layout);

/// Refuses what can be refused before a weight is read: an output that exists, a parent that is no folder, too little space. Local.
/// @param bytes  that will be written.
/// @throws Error
void check_output(const std::filesystem::path& output, const RunOptions& options, std::uint64_t bytes);

/// Makes the files of every product or takes over an interrupted run's. Collective. @return one a product. @throws comm::AgreedError
[[nodiscard]] std::vector<StagedOutput> stage_outputs(RunContext& run, std::uint64_t blocks);

}  // namespace dare::pipeline
