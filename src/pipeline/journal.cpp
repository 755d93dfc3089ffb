#include "pipeline/journal.hpp"

#include <dare/core/archive.hpp>
#include <dare/core/error.hpp>

#include <algorithm>
#include <array>

namespace dare::pipeline {
namespace {

// The number is the layout's: of the file, of JournalHead and of all in it.
constexpr std::array<char, 16> k_magic{'d', 'a', 'r', 'e', '-', 'j', 'o', 'u', 'r', 'n', 'a', 'l', ' ', '0', '3', '\n'};
constexpr std::uint64_t k_alignment = 4096;
constexpr std::uint64_t k_longest_head = std::uint64_t{1} << 32U;

// What the file begins with; the head's bytes follow.
struct Prefix {
  std::array<char, 16> magic;
  std::uint64_t head_bytes;
  Hash128 head_hash;
};
static_assert(std::is_trivially_copyable_v<Prefix>);

std::uint64_t records_offset(std::uint64_t head_bytes) {
  return (sizeof(Prefix) + head_bytes + k_alignment - 1) / k_alignment * k_alignment;
}

// What the file begins with, as far as the head's end.
std::vector<std::byte> beginning(const JournalHead& head) {
  OutArchive out;
  out(head);
  const std::span<const std::byte> bytes{out.bytes()};
  const Prefix prefix{k_magic, bytes.size(), hash128(bytes)};
  const auto raw = std::as_bytes(std::span{&prefix, 1});
  std::vector<std::byte> all{raw.begin(), raw.end()};
  all.insert(all.end(), bytes.begin(), bytes.end());
  return all;
}

std::uint64_t records_offset(std::span<const std::byte> beginning) {
  return records_offset(beginning.size() - sizeof(Prefix));
}

std::optional<Prefix> read_prefix(const File& file) {
  Prefix prefix{};
  if (file.size() < sizeof(prefix)) return std::nullopt;
  file.read_at(0, std::as_writable_bytes(std::span{&prefix, 1}));
  if (prefix.magic != k_magic || prefix.head_bytes > k_longest_head) return std::nullopt;
  if (file.size() < sizeof(prefix) + prefix.head_bytes) return std::nullopt;
  return prefix;
}

}  // namespace

void JournalFile::write_head(File& file, const JournalHead& head, std::size_t record_bytes) {
  const auto bytes = beginning(head);
  file.resize(0);
  file.resize(records_offset(bytes) + head.blocks * record_bytes);
  file.write_at(0, bytes);
  file.sync();
}

std::optional<JournalHead> JournalFile::read_head(const std::filesystem::path& path, std::size_t record_bytes) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto file = File::open_read(path);
  const auto prefix = read_prefix(file);
  if (!prefix) return std::nullopt;
  std::vector<std::byte> bytes(prefix->head_bytes);
  file.read_at(sizeof(Prefix), bytes);
  if (hash128(bytes) != prefix->head_hash) return std::nullopt;
  JournalHead head;
  InArchive in{bytes};
  try {
    in(head);
  } catch (const ArchiveError&) { return std::nullopt; }  // of another version of the program
  if (!in.at_end()) return std::nullopt;
  if (file.size() != records_offset(bytes.size()) + head.blocks * record_bytes) return std::nullopt;
  return head;
}

void JournalFile::read_records(const std::filesystem::path& path, const JournalHead& head, std::size_t record_bytes, std::uint64_t first,
                               std::span<std::byte> records) {
  const auto file = File::open_read(path);
  file.read_at(file.size() - (head.blocks - first) * record_bytes, records);
}

JournalFile JournalFile::open_or_create(const std::filesystem::path& path, const JournalHead& head, std::size_t record_bytes) {
  const auto bytes = beginning(head);
  const auto records = records_offset(bytes);
  const auto whole = records + head.blocks * record_bytes;
  auto file = File::open_or_create(path);
  if (file.size() < whole) {
    file.write_at(0, bytes);  // before it has its size: what looks whole has its head
    file.resize(whole);
  }
  return {std::move(file), records};
}

JournalFile::JournalFile(const std::filesystem::path& path) : file_{File::open_write(path)} {
  const auto prefix = read_prefix(File::open_read(path));
  if (!prefix) throw IoError{path.string() + ": the journal's head is gone; was it changed while this run is under way?"};
  records_ = records_offset(prefix->head_bytes);
}

void JournalFile::note(std::uint64_t first, std::size_t record_bytes, std::span<const std::byte> records) {
  file_.write_at(records_ + first * record_bytes, records);
}

std::size_t count_done(std::span<const JournalRecord> records) {
  return static_cast<std::size_t>(std::count_if(records.begin(), records.end(), [](const auto& record) { return record.done(); }));
}

std::vector<std::uint64_t> blocks_done(std::span<const JournalRecord> records) {
  std::vector<std::uint64_t> blocks;
  for (std::uint64_t block = 0; block < records.size(); ++block) {
    if (records[block].done()) blocks.push_back(block);
  }
  return blocks;
}

}  // namespace dare::pipeline
