#include "pipeline/finished_blocks.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dare::pipeline {

FinishedBlocks::FinishedBlocks(std::vector<std::vector<std::uint64_t>> of_products, const std::vector<StagedOutput>& staged,
                               std::uint64_t blocks)
    : FinishedBlocks{std::move(of_products), blocks} {
  staged_ = &staged;
}

FinishedBlocks::FinishedBlocks(std::vector<std::vector<std::uint64_t>> of_products, std::uint64_t blocks)
    : of_products_{std::move(of_products)} {
  in_all_ = of_products_.front();
  for (const auto& done : of_products_) {
    auto& bits = is_done_.emplace_back(blocks);
    for (const auto block : done) bits[block] = true;
    std::vector<std::uint64_t> both;
    std::set_intersection(in_all_.begin(), in_all_.end(), done.begin(), done.end(), std::back_inserter(both));
    in_all_ = std::move(both);
  }
}

std::vector<bool> FinishedBlocks::tensors_to_do(std::size_t product, const plan::Grid& grid, std::vector<bool> to_do) const {
  for (std::uint32_t tensor = 0; tensor < to_do.size(); ++tensor) {
    const auto end = tensor + 1 < to_do.size() ? grid.first_block(tensor + 1) : grid.blocks();
    bool any = false;
    for (auto block = grid.first_block(tensor); block < end && !any; ++block) any = !has(product, block);
    to_do[tensor] = to_do[tensor] && any;
  }
  return to_do;
}

}  // namespace dare::pipeline
