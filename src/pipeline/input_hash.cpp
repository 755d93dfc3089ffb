#include <dare/pipeline/input_hash.hpp>

#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr std::uint64_t k_read = std::uint64_t{1} << 20U;

Hash128 hash_piece(const File& file, std::uint64_t first, std::uint64_t last) {
  std::vector<std::byte> bytes(std::min(k_read, last - first));
  Hasher128 hasher;
  for (auto at = first; at < last; at += bytes.size()) {
    StopSignal::check("while the inputs were hashed", "nothing has been done, run it again");
    const auto part = std::span{bytes}.first(std::min<std::uint64_t>(bytes.size(), last - at));
    file.read_at(at, part);
    hasher.update(part);
  }
  return hasher.digest();
}

std::string hash_file(const checkpoint::InputFile& input, const comm::Communicator& world) {
  const auto pieces = world.part_of((input.size + k_hash_piece - 1) / k_hash_piece);
  std::vector<Hash128> mine;
  world.agree([&] {
    const auto file = File::open_read(input.path);
    for (auto piece = pieces.first; piece < pieces.last; ++piece) {
      mine.push_back(hash_piece(file, piece * k_hash_piece, std::min(input.size, (piece + 1) * k_hash_piece)));
    }
  });
  const auto all = world.all_gather(mine);
  return hash_hex(std::as_bytes(std::span{all}));
}

}  // namespace

std::vector<std::vector<std::string>> hash_inputs(const Work& work, const comm::Communicator& world) {
  std::vector<std::vector<std::string>> hashes(work.inputs());
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    for (const auto& file : work.input(i).files) hashes[i].push_back(hash_file(file, world));
  }
  return hashes;
}

}  // namespace dare::pipeline
