#pragma once
/// The parts of a Survey: selections over one or more tensors, and sums over one.

#include "merge/selection.hpp"
#include "merge/sparsifier.hpp"
#include "merge/strip.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::merge {

/// The settings of one tensor that are surveyed together.
using SettingsOfTensor = std::vector<const TensorSettings*>;

/// Tensors that selections run over together: one, or with scope: model all. Tensors have places in one row of positions, each beginning at
/// a multiple of the sum block. Selections among the same keys share these, and the histogram of the first round.
class SelectionStage {
 public:
  explicit SelectionStage(std::vector<SettingsOfTensor> tensors);

  [[nodiscard]] bool done() const noexcept;
  [[nodiscard]] bool wants_any() const noexcept;
  [[nodiscard]] bool wants(std::size_t tensor, Extent tile) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  void begin(std::span<std::int64_t> sums);
  /// @param strip  of any of the tensor's settings.
  template <class W>
  void feed(std::size_t tensor, const Strip<W>& strip);
  void end();
  void advance();
  /// The cuts of one tensor, in its own elements and working type. @pre done()
  void apply(std::size_t tensor, std::size_t setting, TensorStatistics& statistics) const;

 private:
  enum class Target : std::uint8_t { kept, outlier, variance };
  struct Slot {
    Target target;
    std::uint32_t model;  // the term's position, or with scope: model the recipe's
    std::size_t setting;  // position among a tensor's
    Selection selection;
    [[nodiscard]] bool same_keys(const Slot& other) const noexcept {
      return model == other.model && (target == Target::variance) == (other.target == Target::variance);
    }
  };
  [[nodiscard]] std::uint32_t model_of(std::size_t tensor, std::size_t term) const noexcept;
  void add_slots_by_size(std::size_t setting);
  void add_slots(std::uint32_t model, std::size_t setting, const TensorSettings& settings, const ModelTerm& term, std::uint64_t keys);
  void add_variance(std::size_t setting);
  // Whether the slot's sums of this round are those of the one before it.
  [[nodiscard]] bool shares_sums(std::size_t slot) const noexcept;
  template <class W>
  void make_keys(const Slot& slot, std::size_t tensor, const Strip<W>& strip, std::span<std::uint64_t>& keys);

  std::vector<SettingsOfTensor> tensors_;
  std::vector<std::uint64_t> places_;  // of the tensors; one more: the end
  bool whole_model_;
  unsigned bits_;
  std::vector<Slot> slots_;  // those of the same keys one after another
  std::vector<std::uint64_t> keys_;
};

/// Sums over one tensor: of rescale l1 and of the combiner.
class SumStage {
 public:
  explicit SumStage(const TensorSettings& settings);

  [[nodiscard]] bool needed() const noexcept { return quantities_ != 0; }
  [[nodiscard]] std::size_t size() const noexcept { return quantities_ * blocks_; }
  void begin(std::span<std::int64_t> sums) { sums_ = sums; }
  template <class W>
  void feed(const Run& run, Strip<W>& strip, SparsifierScratch& scratch);
  /// The statistics that the sums give.
  void apply(TensorStatistics& statistics) const;

 private:
  const TensorSettings* settings_;
  bool l1_;
  std::size_t of_combiner_;
  std::size_t quantities_;
  std::size_t blocks_;
  std::span<std::int64_t> sums_;  // blocks x quantities: bits of float64
  std::vector<double> running_;   // of the block at hand
};

}  // namespace dare::merge
