#pragma once
/// The weight files that a reader has open.

#include <dare/checkpoint/header.hpp>
#include <dare/core/file.hpp>

#include <cstdint>
#include <vector>

namespace dare::checkpoint {

/// Opens files when they are first asked for; at most 4 stay open. Shares are consecutive: a rank is in one shard, or passes on to the
/// next.
class OpenFiles {
 public:
  explicit OpenFiles(std::vector<InputFile> inputs) : inputs_{std::move(inputs)}, files_(inputs_.size()) {}

  /// The file of that number; it may close when another is asked for. @throws IoError
  [[nodiscard]] const File& operator[](std::uint32_t number) {
    auto& file = files_[number];
    if (file.is_open()) return file;
    if (open_.size() == k_most_open) {
      files_[open_.front()] = File{};
      open_.erase(open_.begin());
    }
    file = File::open_read(inputs_[number].path);
    open_.push_back(number);
    return file;
  }

  void close() {
    files_.clear();
    files_.resize(inputs_.size());
    open_.clear();
  }

 private:
  static constexpr std::size_t k_most_open = 4;

  std::vector<InputFile> inputs_;
  std::vector<File> files_;
  std::vector<std::uint32_t> open_;
};

}  // namespace dare::checkpoint
