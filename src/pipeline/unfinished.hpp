#pragma once
/// What an interrupted run left beside an output, and what becomes of it. Local: rank 0 alone.

#include "pipeline/staging.hpp"

#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::pipeline {

/// JSON of what makes two unfinished outputs the same: the manifest's head, the times of the inputs and of what goes along from beside
/// them, the form of the files.
[[nodiscard]] std::string identity_of(const Work& work, const Product& product, const RunOptions& options);

/// Whether this run goes on from `head`, which an interrupted run left at `paths`; if not, it may be removed.
/// @param identity  of this run; @param blocks  of its grid; @param records  the journal's.
/// @throws InputError  it has finished blocks, and options.unfinished does not say to remove them or they are of another run.
[[nodiscard]] bool goes_on_from(const JournalHead& head, const std::vector<JournalRecord>& records, const std::string& identity,
                                std::uint64_t blocks, const OutputPaths& paths, const RunOptions& options);

/// What an interrupted run left.
struct Begun {
  bool anything = false;
  std::vector<std::uint64_t> done;  ///< blocks that the run would go on from, by its journal; ascending
};

/// The same decision before anything is made: for --plan, and ahead of what takes long. Changes nothing. Says how many blocks are done
/// where the run would go on from them.
/// @throws InputError  as goes_on_from(), or another run is under way.
Begun check_unfinished(const Work& work, const Product& product, const RunOptions& options);

/// Whether there are finished blocks that the run would go on from. Only reads, also while another run is at work. Local.
/// @throws InputError  as goes_on_from()
[[nodiscard]] bool goes_on_merging(const Work& work, const Product& product, const RunOptions& options);

/// Removes what is left at the place of an output that keeps no journal and so can go on from nothing.
/// @throws InputError  it has finished blocks, and options.unfinished does not say to remove them.
void remove_unfinished(Staging& staging, const RunOptions& options);

}  // namespace dare::pipeline
