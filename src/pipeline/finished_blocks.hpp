#pragma once
/// Blocks of a run's products that need not be made again.

#include "pipeline/staged_output.hpp"

#include <dare/plan/grid.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace dare::pipeline {

/// By product, the blocks of an interrupted run that still stand on the disk. The products of one run may differ in them: some were begun
/// by other runs than others, some are new.
class FinishedBlocks {
 public:
  /// None, of any product.
  FinishedBlocks() = default;
  /// @param of_products  ascending numbers, one list a product.
  FinishedBlocks(std::vector<std::vector<std::uint64_t>> of_products, std::uint64_t blocks);
  /// The same with what is known of each. @param staged  whose journals know them; must outlive this.
  FinishedBlocks(std::vector<std::vector<std::uint64_t>> of_products, const std::vector<StagedOutput>& staged, std::uint64_t blocks);

  [[nodiscard]] bool has(std::size_t product, std::uint64_t block) const noexcept { return !is_done_.empty() && is_done_[product][block]; }
  /// What is known of one that has(). @pre has(product, block); made with staged outputs
  [[nodiscard]] const JournalRecord& record(std::size_t product, std::uint64_t block) const { return (*staged_)[product].records[block]; }
  /// Ascending numbers.
  [[nodiscard]] std::span<const std::uint64_t> of(std::size_t product) const {
    return of_products_.empty() ? std::span<const std::uint64_t>{} : of_products_[product];
  }
  /// Those that all products have, ascending: nothing is read for them.
  [[nodiscard]] const std::vector<std::uint64_t>& in_all() const noexcept { return in_all_; }
  /// Whether any block of a tensor is left to make, by tensor of `grid`, less those that `to_do` says are not.
  [[nodiscard]] std::vector<bool> tensors_to_do(std::size_t product, const plan::Grid& grid, std::vector<bool> to_do) const;

 private:
  std::vector<std::vector<std::uint64_t>> of_products_;
  std::vector<std::vector<bool>> is_done_;  // by product and block; empty: none is
  std::vector<std::uint64_t> in_all_;
  const std::vector<StagedOutput>* staged_ = nullptr;
};

}  // namespace dare::pipeline
