#pragma once
/// The record of finished blocks beside an unfinished output: what a later run need not do again.

#include <dare/checkpoint/output.hpp>
#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
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

/// One file: the head, then a place of 16 bytes for the hash of each block's output bytes, zero until the block is written. A record that
/// is lost or torn costs the block's work again and nothing else, since a block counts only where its bytes still have that hash.
class Journal {
 public:
  /// Writes the head into `file` (whose old contents go) and forces it to the disk.
  static void write_head(File& file, const JournalHead& head);
  /// The head of the journal at `path`; nothing where there is none, or an incomplete one. @throws IoError
  [[nodiscard]] static std::optional<JournalHead> read_head(const std::filesystem::path& path);
  /// All records, zero for blocks that are not done. @throws IoError
  [[nodiscard]] static std::vector<Hash128> read_records(const std::filesystem::path& path, const JournalHead& head);

  /// Opens a journal whose head is written. Local.
  explicit Journal(const std::filesystem::path& path);
  /// Records blocks [first, first + hashes.size()) as written. Local.
  void note(std::uint64_t first, std::span<const Hash128> hashes);
  void close() { file_.close(); }

 private:
  File file_;
  std::uint64_t records_ = 0;  // offset of block 0's
};

}  // namespace dare::pipeline
