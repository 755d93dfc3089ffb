#pragma once
/// The record of finished blocks of what is not finished yet: what a later run need not do again.

#include <dare/checkpoint/output.hpp>
#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>
#include <dare/merge/run.hpp>
#include <dare/plan/grid.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace dare::pipeline {

/// What is going to be made.
struct JournalHead {
  std::string identity;             ///< JSON: program, recipe, inputs, output; a run may go on only with an equal one
  checkpoint::OutputLayout layout;  ///< of the files that were made; empty where none is
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

/// The file of a journal, whatever its records are: the head, then a place of `record_bytes` for the record of each block, zero until
/// there is one.
class JournalFile {
 public:
  /// Writes the head into `file` (whose old contents go), with room for all records, and forces it to the disk. Local. @throws IoError
  static void write_head(File& file, const JournalHead& head, std::size_t record_bytes);
  /// The head of the journal at `path`; nothing where there is none, or an incomplete one. Local. @throws IoError
  [[nodiscard]] static std::optional<JournalHead> read_head(const std::filesystem::path& path, std::size_t record_bytes);
  /// Fills `records` with those from block `first` on, zero for blocks that are not done. Local.
  /// @pre `head` is what read_head() gave, or what the journal was made with.  @throws IoError
  static void read_records(const std::filesystem::path& path, const JournalHead& head, std::size_t record_bytes, std::uint64_t first,
                           std::span<std::byte> records);
  /// Opens the journal at `path`, made where it is not there or has no room for all records yet. Several processes may do so at once with
  /// equal heads: none takes away what another wrote. Not forced to the disk. Local. @throws IoError
  [[nodiscard]] static JournalFile open_or_create(const std::filesystem::path& path, const JournalHead& head, std::size_t record_bytes);

  /// Opens a journal whose head is written. Local.
  explicit JournalFile(const std::filesystem::path& path);
  /// Writes records from that of block `first` on. Local.
  void note(std::uint64_t first, std::size_t record_bytes, std::span<const std::byte> records);
  void close() { file_.close(); }

 private:
  JournalFile(File file, std::uint64_t records) noexcept : file_{std::move(file)}, records_{records} {}

  File file_;
  std::uint64_t records_ = 0;  // offset of block 0's
};

/// A journal of records of one type: what JournalFile does, by Record in place of bytes. One that is lost or torn costs the block's work
/// again and nothing else, where the record says itself whether it is whole, or the block's bytes do: a block of an output counts only
/// where they still have the recorded hash.
template <class Record>
class JournalOf {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  static void write_head(File& file, const JournalHead& head) { JournalFile::write_head(file, head, sizeof(Record)); }
  [[nodiscard]] static std::optional<JournalHead> read_head(const std::filesystem::path& path) {
    return JournalFile::read_head(path, sizeof(Record));
  }
  /// All records, zero for blocks that are not done. @throws IoError
  [[nodiscard]] static std::vector<Record> read_records(const std::filesystem::path& path, const JournalHead& head) {
    return read_records(path, head, {0, head.blocks});
  }
  /// Those of some blocks. @throws IoError
  [[nodiscard]] static std::vector<Record> read_records(const std::filesystem::path& path, const JournalHead& head,
                                                        plan::BlockRange blocks) {
    std::vector<Record> records(blocks.last - blocks.first);
    JournalFile::read_records(path, head, sizeof(Record), blocks.first, std::as_writable_bytes(std::span{records}));
    return records;
  }
  [[nodiscard]] static JournalOf open_or_create(const std::filesystem::path& path, const JournalHead& head) {
    return JournalOf{JournalFile::open_or_create(path, head, sizeof(Record))};
  }

  explicit JournalOf(const std::filesystem::path& path) : file_{path} {}
  /// Records blocks [first, first + records.size()) as done. Local.
  void note(std::uint64_t first, std::span<const Record> records) { file_.note(first, sizeof(Record), std::as_bytes(records)); }
  void close() { file_.close(); }

 private:
  explicit JournalOf(JournalFile file) : file_{std::move(file)} {}

  JournalFile file_;
};

/// Of the blocks of an unfinished output, 64 bytes each.
using Journal = JournalOf<JournalRecord>;

/// How many blocks are done. Pure.
[[nodiscard]] std::size_t count_done(std::span<const JournalRecord> records);
/// Which these are, ascending. Pure.
[[nodiscard]] std::vector<std::uint64_t> blocks_done(std::span<const JournalRecord> records);

}  // namespace dare::pipeline
