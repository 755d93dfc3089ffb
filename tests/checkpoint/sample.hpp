#pragma once
/// A checkpoint of every dtype and of every awkward shape and name, and reading it back.

#include "support/errors.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/checkpoint/reader.hpp>

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::test {

/// Bytes that differ from tensor to tensor and within each.
inline std::vector<std::byte> pattern(std::size_t tensor, std::uint64_t bytes) {
  std::vector<std::byte> data(bytes);
  for (std::uint64_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>((i * 131 + i / 251 + tensor * 17 + 1) & 0xFFU);
  return data;
}

/// Every dtype in 2-D; empty, scalar, 1-D, 4-D and 40-D ones; one larger than the alignment; names that cannot be paths.
inline checkpoint::OutputSpec sample_spec() {
  checkpoint::OutputSpec spec;
  for (const auto& row : dtypes()) spec.tensors.push_back({"all/" + std::string{row.name} + ".weight", row.dtype, {23, 4}});
  spec.tensors.push_back({"scalar", Dtype::f32, {}});
  spec.tensors.push_back({"scalar_bool", Dtype::boolean, {}});
  spec.tensors.push_back({"empty", Dtype::bf16, {0}});
  spec.tensors.push_back({"empty_2d", Dtype::f4, {3, 0}});
  spec.tensors.push_back({"one", Dtype::f16, {1}});
  spec.tensors.push_back({"deep", Dtype::i16, {3, 5, 2, 7}});
  spec.tensors.push_back({"rank40", Dtype::f32, Shape(40, 1)});
  spec.tensors.push_back({"large", Dtype::bf16, {601, 997}});
  spec.tensors.push_back({"large2", Dtype::u8, {3, 500'009}});
  for (const auto* name :
       {"", "/lead", "a//b", "a/./b", "a/../b", "..", "trail/", "~3", "x", "x/y", "x/y/z", "h.0.w", "\xc3\xa4/\xe6\xbc\xa2"}) {
    spec.tensors.push_back({name, Dtype::f32, {2}});
  }
  spec.tensors.push_back({std::string(2'000, 'n'), Dtype::f32, {2}});
  spec.metadata = R"({"format":"pt","note":")" + std::string(100'000, 'm') + R"("})";
  spec.side_files.push_back({"config.json", pattern(1, 700)});
  spec.side_files.push_back({"empty.txt", {}});
  spec.side_files.push_back({"tokenizer.json", pattern(2, 1'500'000)});
  return spec;
}

inline std::uint64_t bytes_of(const checkpoint::OutputTensor& tensor) {
  return bytes_for(tensor.dtype, *checked_elements(tensor.shape)).value();
}

/// Makes the checkpoint whole, on one rank.
inline void write_checkpoint(const std::filesystem::path& path, const checkpoint::OutputSpec& spec) {
  const auto layout = checkpoint::create_output(path, checkpoint::output_kind(path), spec);
  checkpoint::OutputWriter writer{path, layout};
  for (std::size_t t = 0; t < spec.tensors.size(); ++t) writer.write(t, 0, pattern(t, bytes_of(spec.tensors[t])));
  writer.sync();
  writer.close();
}

/// The elements that a rank reads, whole bytes; shares of all ranks in order are the tensor.
struct Share {
  std::uint64_t first = 0;
  std::uint64_t elements = 0;
};
inline Share share(const checkpoint::TensorInfo& tensor, int rank, int ranks) {
  const std::uint64_t unit = info(tensor.dtype).bits % 8 == 0 ? 1 : 4;  // elements that are whole bytes together
  const auto units = tensor.elements / unit;
  const auto r = static_cast<std::uint64_t>(rank);
  const auto n = static_cast<std::uint64_t>(ranks);
  const auto begin = units * r / n;
  const auto end = units * (r + 1) / n;
  return {begin * unit, (end - begin) * unit};
}

/// The whole tensor from the shares of all ranks, read in pieces of at most `most` elements. Collective.
inline std::vector<std::byte> read_shared(checkpoint::CheckpointReader& reader, const checkpoint::TensorInfo& tensor,
                                          const comm::Communicator& world, std::uint64_t most) {
  const auto mine = share(tensor, world.rank(), world.size());
  const auto bits = info(tensor.dtype).bits;
  std::vector<std::byte> bytes(mine.elements * bits / 8);
  for (std::uint64_t done = 0; done < mine.elements;) {
    const auto n = std::min(most, mine.elements - done);
    reader.read(tensor, mine.first + done, std::span{bytes}.subspan(done * bits / 8, n * bits / 8));
    done += n;
  }
  return world.all_gather(bytes);
}

}  // namespace dare::test
