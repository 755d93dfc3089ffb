#pragma once
/// The record of finished blocks beside an unfinished output: what a later run need not do again.

#include <dare/checkpoint/output.hpp>
#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>
#include <dare/merge/run.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace dare::pipeline {

/// What an unfinished output is going to be.
struct JournalHead {
  std::string identity;             ///< JSON: program, recipe, inputs, output; a run may go on only with an equal one
  checkpoint::OutputLayout layout;  ///< of the files that were made
  std::uint64_t blocks = 0;         ///< of the whole grid
  template <class A>
  void archive(A& a) {
    a(identity, layout, blocks);
  }
};

/// What is known of a finished block.
struct JournalRecord {
  Hash128 hash;          ///< of its output bytes; zero for a block that is not done
  merge::Counts counts;  ///< of its elements
  std::array<std::byte, 24> unused{};
  [[nodiscard]] bool done() const noexcept { return hash != Hash128{}; }
};
static_assert(std::is_trivially_copyable_v<JournalRecord> && 4096 % sizeof(JournalRecord) == 0);  // none lies in two pages

/// One file: the head, then a place of 64 bytes for the record of each block, zero until the block is written. A record that
/// is lost or torn costs the block's work again and nothing else, since a block counts only where its bytes still have that hash.
class Journal {
 public:
  /// Writes the head into `file` (whose old contents go) and forces it to the disk.
  static void write_head(File& file, const JournalHead& head);
  /// The head of the journal at `path`; nothing where there is none, or an incomplete one. @throws IoError
  [[nodiscard]] static std::optional<JournalHead> read_head(const std::filesystem::path& path);
  /// All records, zero for blocks that are not done. @throws IoError
  [[nodiscard]] static std::vector<JournalRecord> read_records(const std::filesystem::path& path, const JournalHead& head);

  /// Opens a journal whose head is written. Local.
  explicit Journal(const std::filesystem::path& path);
  /// Records blocks [first, first + records.size()) as written. Local.
  void note(std::uint64_t first, std::span<const JournalRecord> records);
  void close() { file_.close(); }

 private:
  File file_;
  std::uint64_t records_ = 0;  // offset of block 0's
};

/// How many blocks are done. Pure.
[[nodiscard]] std::size_t count_done(std::span<const JournalRecord> records);
/// Which these are, ascending. Pure.
[[nodiscard]] std::vector<std::uint64_t> blocks_done(std::span<const JournalRecord> records);

}  // namespace dare::pipeline
