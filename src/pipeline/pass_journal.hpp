#pragma once
/// Journals of what passes over the inputs find, one file a product: each holds for the product's recipe and inputs alone, whatever other
/// products a pass has. Local.

#include "pipeline/journal.hpp"

#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace dare::pipeline {

/// The head of a product's journal. @param content  what its records are, with all that their form depends on.  @param records  how many.
[[nodiscard]] JournalHead pass_journal_head(const Work& work, const Product& product, const RunOptions& options, std::string_view content,
                                            std::uint64_t records);

/// Whether a run goes on from what an interrupted one left in `file`. @throws IoError
template <class Record>
[[nodiscard]] bool goes_on_from_pass(const std::filesystem::path& file, const JournalHead& head, const RunOptions& options) {
  if (options.unfinished == Unfinished::restart) return false;
  const auto found = JournalOf<Record>::read_head(file);
  return found && found->identity == head.identity && found->blocks == head.blocks;
}

}  // namespace dare::pipeline
