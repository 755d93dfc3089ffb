#include "checkpoint/backends.hpp"

#include <dare/core/file.hpp>

#include <cassert>

namespace dare::checkpoint::safetensors {
namespace {

class Reader : public CheckpointReader {
 public:
  explicit Reader(std::vector<InputFile> inputs) : inputs_{std::move(inputs)}, files_(inputs_.size()) {}

  void read(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) override {
    auto& file = files_[tensor.file];
    if (!file.is_open()) file = open_another(tensor.file);
    file.read_at(tensor.offset + first * info(tensor.dtype).bits / 8, out);
  }

  void close() override { files_.clear(); }

 private:
  // Shares are consecutive: a rank is in one shard, or passes from one to the next.
  static constexpr std::size_t k_most_open = 4;

  File open_another(std::uint32_t number) {
    if (open_.size() == k_most_open) {
      files_[open_.front()] = File{};
      open_.erase(open_.begin());
    }
    open_.push_back(number);
    return File::open_read(inputs_[number].path);
  }

  std::vector<InputFile> inputs_;
  std::vector<File> files_;
  std::vector<std::uint32_t> open_;
};

}  // namespace

std::unique_ptr<CheckpointReader> open(const Header& header) {
  return std::make_unique<Reader>(header.files);
}

}  // namespace dare::checkpoint::safetensors
