#include "pipeline/verify/verify_blocks.hpp"

#include <dare/checkpoint/reader.hpp>
#include <dare/core/packed.hpp>
#include <dare/core/tensor_size.hpp>
#include <dare/plan/partition.hpp>
#include <dare/plan/plan.hpp>

#include <fmt/format.h>

#include <unordered_set>

namespace dare::pipeline {
namespace {

// The output's tensors in the manifest's order; nullptr for what cannot be compared.
std::vector<const checkpoint::TensorInfo*> match(const Manifest& manifest, const checkpoint::Header& output,
                                                 std::vector<std::string>& problems) {
  std::vector<const checkpoint::TensorInfo*> matched;
  std::unordered_set<std::string_view> known;
  for (const auto& tensor : manifest.tensors) {
    known.insert(tensor.name);
    const auto* found = output.find(tensor.name);
    if (found == nullptr) {
      problems.push_back(
          fmt::format("tensor \"{}\" is missing; the manifest has it as {}", tensor.name, dtype_and_shape(tensor.dtype, tensor.shape)));
    } else if (found->dtype != tensor.dtype || found->shape != tensor.shape) {
      problems.push_back(fmt::format("tensor \"{}\" is {}, the manifest has it as {}", tensor.name,
                                     dtype_and_shape(found->dtype, found->shape), dtype_and_shape(tensor.dtype, tensor.shape)));
      found = nullptr;
    }
    matched.push_back(found);
  }
  for (const auto& tensor : output.tensors) {
    if (!known.contains(tensor.name)) problems.push_back(fmt::format("tensor \"{}\" is not in the manifest", tensor.name));
  }
  return matched;
}

plan::Grid grid_of(const std::vector<const checkpoint::TensorInfo*>& tensors) {
  std::vector<plan::TensorLoad> loads;
  for (const auto* tensor : tensors) {
    loads.push_back(tensor == nullptr ? plan::TensorLoad{} : plan::TensorLoad{tensor->elements, info(tensor->dtype).bits, 0, 0});
  }
  return plan::Grid{std::move(loads)};
}

std::vector<BlockMismatch> check_share(const Manifest& manifest, const std::vector<const checkpoint::TensorInfo*>& tensors,
                                       const plan::Grid& grid, const plan::Share& share, checkpoint::CheckpointReader& reader) {
  std::vector<BlockMismatch> mismatches;
  std::vector<std::byte> bytes;
  Hasher128 hasher;
  for (plan::TileCursor cursor{grid, share, plan::k_largest_tile}; !cursor.done();) {
    const auto tile = cursor.next();
    const auto& tensor = *tensors[tile.tensor];
    bytes.resize(packed_bytes(tile.elements, info(tensor.dtype).bits));
    reader.read(tensor, tile.first, bytes);
    hasher.update(bytes);
    if (!tile.ends_block) continue;
    const auto block = tile.block - grid.first_block(tile.tensor);
    const auto found = hasher.digest();
    hasher.reset();
    if (found != manifest.tensors[tile.tensor].blocks[block]) mismatches.push_back({tile.tensor, static_cast<std::uint32_t>(block), found});
  }
  return mismatches;
}

}  // namespace

BlockCheck check_blocks(const Manifest& manifest, const checkpoint::Header& output, const comm::Communicator& world) {
  BlockCheck check;
  const auto tensors = match(manifest, output, check.problems);
  const auto grid = grid_of(tensors);
  check.blocks = grid.blocks();
  check.bytes = grid.bytes_read();
  const auto shares = plan::partition(grid, plan::remaining(grid, {}), world.size());
  const auto reader = checkpoint::open(output, world);
  std::vector<BlockMismatch> mine;
  world.agree([&] { mine = check_share(manifest, tensors, grid, shares[static_cast<std::size_t>(world.rank())], *reader); });
  reader->close();
  check.mismatches = world.all_gather(mine);  // shares are consecutive: in the manifest's order
  return check;
}

}  // namespace dare::pipeline
