#include "compare/walk.hpp"

#include "checkpoint/kept_mask.hpp"

#include <dare/core/packed.hpp>

#include <algorithm>

namespace dare::compare {
namespace {

constexpr std::size_t k_stretches_per_batch = 65536;  // 4.3e9 elements: results of all ranks are some MB

std::vector<std::byte>& sized(std::vector<std::byte>& bytes, const checkpoint::TensorInfo& tensor, std::uint64_t elements) {
  bytes.resize(packed_bytes(elements, info(tensor.dtype).bits));
  return bytes;
}

}  // namespace

std::vector<std::span<const Pair>> batches(const std::vector<Pair>& pairs, std::size_t most_pairs) {
  std::vector<std::span<const Pair>> all;
  for (std::size_t first = 0; first < pairs.size();) {
    std::size_t last = first;
    std::size_t stretches = 0;
    while (last < pairs.size() && last - first < most_pairs && (last == first || stretches < k_stretches_per_batch)) {
      stretches += stretches_of(pairs[last++]);
    }
    all.push_back(std::span{pairs}.subspan(first, last - first));
    first = last;
  }
  return all;
}

PairWalk::PairWalk(const checkpoint::Header& a, const checkpoint::Header& b, const comm::Communicator& world)
    : a_{a}, b_{b}, world_{world}, reader_a_{checkpoint::open(a, world)}, reader_b_{checkpoint::open(b, world)} {
  if (!a.low_rank.empty()) low_rank_ = std::make_unique<checkpoint::LoraReader>(a, *reader_a_);
}

void PairWalk::close() {
  reader_a_->close();
  reader_b_->close();
}

plan::Grid PairWalk::grid_of(std::span<const Pair> batch) const {
  std::vector<plan::TensorLoad> loads;
  for (const auto& pair : batch) {
    const auto bits = info(a_.tensors[pair.a].dtype).bits + info(b_.tensors[pair.b].dtype).bits;
    loads.push_back({pair.elements, bits, 0, 0});
  }
  return plan::Grid{std::move(loads)};
}

Stretch PairWalk::read(std::span<const Pair> batch, const plan::Tile& tile) {
  const auto& pair = batch[tile.tensor];
  const auto& a = a_.tensors[pair.a];
  const auto& b = b_.tensors[pair.b];
  reader_b_->read(b, tile.first, sized(bytes_b_, b, tile.elements));
  if (a.low_rank >= 0) {
    read_change(a, b, tile);
    return {tile.tensor, tile.first, tile.elements, {}, bytes_b_, change_, {}};
  }
  reader_a_->read(a, tile.first, sized(bytes_a_, a, tile.elements));
  left_out_.clear();
  if (a_.delta && a_.delta->packed[pair.a] != 0) mark_left_out(pair.a, tile);
  return {tile.tensor, tile.first, tile.elements, bytes_a_, bytes_b_, {}, left_out_};
}

void PairWalk::read_change(const checkpoint::TensorInfo& a, const checkpoint::TensorInfo& b, const plan::Tile& tile) {
  const checkpoint::LoraReader::BaseRun base{b.dtype, bytes_b_};
  change_.resize(tile.elements);
  if (merge::works_in_float64(a.dtype) || merge::works_in_float64(b.dtype))
    return low_rank_->read_delta(a, tile.first, base, std::span{change_});
  narrow_.resize(tile.elements);
  low_rank_->read_delta(a, tile.first, base, std::span{narrow_});
  std::copy(narrow_.begin(), narrow_.end(), change_.begin());
}

void PairWalk::mark_left_out(std::uint32_t tensor, const plan::Tile& tile) {
  left_out_.assign(tile.elements, 1);
  checkpoint::KeptMask mask{a_.delta->mask, a_.tensors[tensor].name};
  mask.each(tile.first, tile.elements, [&](std::uint64_t i) { left_out_[i] = 0; });
}

}  // namespace dare::compare
