#include "checkpoint/backends.hpp"
#include "checkpoint/open_files.hpp"

namespace dare::checkpoint::safetensors {
namespace {

class Reader : public CheckpointReader {
 public:
  explicit Reader(const std::vector<InputFile>& inputs) : files_{inputs} {}

  void read(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) override {
    files_[tensor.file].read_at(tensor.offset + first * info(tensor.dtype).bits / 8, out);
  }

  void close() override { files_.close(); }

 private:
  OpenFiles files_;
};

}  // namespace

std::unique_ptr<CheckpointReader> open(const Header& header) {
  return std::make_unique<Reader>(header.files);
}

}  // namespace dare::checkpoint::safetensors
