#include "checkpoint/backends.hpp"
#include "checkpoint/file_names.hpp"
#include "checkpoint/open_files.hpp"
#include "checkpoint/pytorch_gather.hpp"
#include "checkpoint/pytorch_parse.hpp"

namespace dare::checkpoint::pytorch {
namespace {

class Reader : public CheckpointReader {
 public:
  explicit Reader(const std::vector<InputFile>& inputs) : files_{inputs} {}

  void read(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) override {
    const auto& file = files_[tensor.file];
    const auto item = info(tensor.dtype).bits / 8;
    if (tensor.strides.empty()) return file.read_at(tensor.offset + first * item, out);
    gather(
        {tensor.offset, item, tensor.shape, tensor.strides}, first,
        [&](std::uint64_t offset, std::span<std::byte> piece) { file.read_at(offset, piece); }, out);
  }

  void close() override { files_.close(); }

 private:
  OpenFiles files_;
};

}  // namespace

folder::Form form() {
  return {Format::pytorch, std::string{k_pytorch_index}, std::string{k_pytorch_file}, parse_file};
}

std::unique_ptr<CheckpointReader> open(const Header& header) {
  return std::make_unique<Reader>(header.files);
}

}  // namespace dare::checkpoint::pytorch
