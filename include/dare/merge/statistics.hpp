#pragma once
/// What must be known of whole tensors before their elements can be merged, and how ranks find it out together.

#include <dare/merge/run.hpp>
#include <dare/merge/settings.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace dare::merge {

/// Where a selection in descending order of keys ends: at keys above `key`, and at those equal to it before element `tie_end`.
/// Keys are the bits of a non-negative number of the working type; so the larger number has the larger key.
struct Cut {
  std::uint64_t key = 0;
  std::uint64_t tie_end = k_all_elements;
  [[nodiscard]] static constexpr Cut everything() noexcept { return {}; }
  [[nodiscard]] static constexpr Cut nothing() noexcept { return {std::numeric_limits<std::uint64_t>::max(), 0}; }
  [[nodiscard]] bool selects(std::uint64_t of, std::uint64_t element) const noexcept {
    return of > key || (of == key && element < tie_end);
  }
  friend bool operator==(const Cut&, const Cut&) = default;
};

/// Of one model's deltas in one tensor.
struct ModelStatistics {
  Cut kept = Cut::everything();  ///< magnitude, breadcrumbs: |delta| that are kept, unless they are
  Cut outlier = Cut::nothing();  ///< above this one (breadcrumbs), or equal and *not* before its tie_end
  double l1 = 1;                 ///< rescale l1: the factor
  [[nodiscard]] bool keeps(std::uint64_t key, std::uint64_t element) const noexcept {
    return kept.selects(key, element) && (key < outlier.key || (key == outlier.key && element < outlier.tie_end));
  }
  friend bool operator==(const ModelStatistics&, const ModelStatistics&) = default;
};

/// Of one tensor. Plain value: equal on all ranks, and at any number of them.
struct TensorStatistics {
  std::vector<ModelStatistics> models;  ///< one a term
  Cut selected = Cut::everything();     ///< sce: variances that are merged
  std::vector<double> coefficients;     ///< of the combiner, each combiner's own
  friend bool operator==(const TensorStatistics&, const TensorStatistics&) = default;

  template <class A>
  void archive(A& a) {
    a(models, selected, coefficients);
  }
};

/// Elements whose sums are made in one go: semantics.md 2, sums over many elements.
inline constexpr std::uint64_t k_sum_block = 65536;
/// How many sums that are of `elements` in a row.
[[nodiscard]] constexpr std::uint64_t sum_blocks(std::uint64_t elements) noexcept {
  return (elements + k_sum_block - 1) / k_sum_block;
}

/// Finds the statistics of some tensors. Every rank makes one for the same tensors and then all go
///
///     while (!survey.done()) {
///       for (each tile of this rank's share, ascending)             // any tile size
///         if (survey.wants(tensor, tile)) survey.feed(tensor, run); // reads the inputs only where they are wanted
///       all-reduce survey.exchange() in place, adding;              // int64; some entries are float64 bits that one rank alone has set
///       survey.advance();
///     }
///
/// Shares: each aligned block of 65,536 elements of a tensor is one rank's, which may change between rounds; ranks may have none. The
/// result depends on the shares in no way, so the merge that follows may cut the tensors as it likes. Local: it knows no MPI.
class Survey {
 public:
  /// @param tensors  in file order; at least all merged tensors of the run where any has `scope: model` (`needs_whole_model`).
  ///                 They must outlive the survey.
  /// @throws UsageError  with scope: model, a model's rate that is not the same for all tensors.
  explicit Survey(std::vector<const TensorSettings*> tensors);
  ~Survey();
  Survey(Survey&&) noexcept;
  Survey& operator=(Survey&&) noexcept;

  /// Bytes of accumulators that a tensor adds to a survey on each rank, at most (scope: model: all tensors together have those of one).
  [[nodiscard]] static std::uint64_t memory(const TensorSettings& settings);

  [[nodiscard]] bool done() const noexcept;
  /// Whether any tile is wanted this round. If not, only the exchange is due.
  [[nodiscard]] bool wants_tiles() const noexcept;
  [[nodiscard]] bool wants(std::size_t tensor, Extent tile) const noexcept;
  /// @param run  of tensors[tensor]; run.wanted is the tile. Auxiliary inputs are not looked at.
  void feed(std::size_t tensor, const Run& run);
  /// What this rank has found this round, to be added over all ranks. Valid until advance().
  [[nodiscard]] std::span<std::int64_t> exchange();
  /// Goes on from the sums, which must be in exchange().
  void advance();
  /// One a tensor. @pre done()
  [[nodiscard]] std::vector<TensorStatistics> statistics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a tensor of these settings can only be surveyed together with all others.
[[nodiscard]] bool needs_whole_model(const TensorSettings& settings) noexcept;

}  // namespace dare::merge
