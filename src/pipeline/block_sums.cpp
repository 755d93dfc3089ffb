#include "pipeline/block_sums.hpp"

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr std::uint64_t k_gathered = 1U << 16U;  // sums of blocks at a time

}  // namespace

std::vector<plan::BlockRange> held_blocks(const std::vector<plan::Share>& shares, std::uint64_t blocks) {
  std::vector<plan::BlockRange> held(shares.size());
  auto end = blocks;
  for (auto rank = shares.size(); rank-- > 0;) {
    held[rank].last = end;
    if (rank == 0) end = 0;
    else if (!shares[rank].empty()) end = shares[rank].front().first;
    held[rank].first = end;
  }
  return held;
}

BlockSums::BlockSums(const plan::Grid& grid, plan::BlockRange held, std::size_t products)
    : grid_{grid}, held_{held}, places_{0}, mine_(grid.tensors().size()) {
  for (auto number = held.first; number < held.last; ++number) {
    const auto block = grid.block(number);
    const auto sums = merge::sum_blocks(block.elements);
    places_.push_back(places_.back() + sums);
    mine_[block.tensor] += sums;
  }
  of_products_.assign(products, std::vector<merge::Measures>(places_.back()));
}

std::span<merge::Measures> BlockSums::of(std::size_t product, std::uint64_t block) {
  const auto at = block - held_.first;
  return std::span{of_products_[product]}.subspan(places_[at], places_[at + 1] - places_[at]);
}

void BlockSums::add_up(std::span<const std::size_t> products, std::vector<ProductMeasures>& all, const comm::Communicator& world) const {
  std::uint64_t largest = 1;
  for (const auto& tensor : grid_.tensors()) largest = std::max(largest, merge::sum_blocks(tensor.elements));
  const auto at_once = std::max<std::size_t>(1, k_gathered / largest);
  for (; !products.empty(); products = products.subspan(std::min(at_once, products.size())))
    add_up_together(products.first(std::min(at_once, products.size())), all, world);
}

void BlockSums::add_up_together(std::span<const std::size_t> products, std::vector<ProductMeasures>& all,
                                const comm::Communicator& world) const {
  const auto& tensors = grid_.tensors();
  std::size_t at = 0;
  for (std::size_t t = 0; t < tensors.size();) {
    const auto first = t;
    std::uint64_t in_all = 0;
    std::size_t own = 0;
    for (; t < tensors.size() && (t == first || in_all * products.size() < k_gathered); ++t) {
      in_all += merge::sum_blocks(tensors[t].elements);
      own += mine_[t];
    }
    std::vector<merge::Measures> mine;  // of each block in order those of all products: so it is after the gathering too
    mine.reserve(own * products.size());
    for (const auto end = at + own; at < end; ++at) {
      for (const auto p : products) mine.push_back(of_products_[p][at]);
    }
    const auto gathered = world.all_gather(mine);
    std::size_t next = 0;
    for (auto tensor = first; tensor < t; ++tensor) {
      for (std::uint64_t b = 0; b < merge::sum_blocks(tensors[tensor].elements); ++b) {
        for (const auto p : products) all[p].tensors[tensor].add(gathered[next++]);
      }
    }
  }
}

}  // namespace dare::pipeline
