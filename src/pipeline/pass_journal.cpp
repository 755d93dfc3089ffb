#include "pipeline/pass_journal.hpp"

#include "pipeline/unfinished.hpp"

#include <dare/core/hash.hpp>

#include <fmt/format.h>

namespace dare::pipeline {

// By hash: nobody is told what differs.
JournalHead pass_journal_head(const Work& work, const Product& product, const RunOptions& options, std::string_view content,
                              std::uint64_t records) {
  JournalHead head;
  head.identity = hash_hex(fmt::format("{}\n{}", identity_of(work, product, options), content));
  head.blocks = records;
  return head;
}

}  // namespace dare::pipeline
