#pragma once
/// A zip archive as a directory of byte ranges (libzip reads it; this adds where each entry's bytes are).

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dare::checkpoint::pytorch {

class Archive {
 public:
  struct Entry {
    std::string name;
    std::uint64_t number = 0;  ///< in the directory
    std::uint64_t size = 0;    ///< bytes, uncompressed
    std::uint32_t crc = 0;     ///< CRC-32 of them, as the directory says
    bool stored = false;       ///< neither compressed nor encrypted
  };

  /// Reads the directory. @pre `file` outlives it. @throws InputError  no zip archive, or a damaged one.
  explicit Archive(const File& file);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  [[nodiscard]] std::span<const Entry> entries() const noexcept { return entries_; }
  /// nullptr where there is none.
  [[nodiscard]] const Entry* find(std::string_view name) const;
  /// All bytes of an entry, its checksum verified. @throws InputError  more than `most`, compressed, or damaged.
  [[nodiscard]] std::vector<std::byte> read(const Entry& entry, std::uint64_t most) const;
  /// Where the bytes of an entry begin in the file. @throws InputError  it is not stored, or ends beyond the file.
  [[nodiscard]] std::uint64_t offset(const Entry& entry) const;

 private:
  struct Zip;
  void refuse_compressed(const Entry& entry) const;
  [[nodiscard]] InputError damaged(const Entry& entry, const std::string& what) const;

  const File& file_;
  std::unique_ptr<Zip> zip_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

}  // namespace dare::checkpoint::pytorch
