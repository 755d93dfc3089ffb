#pragma once
/// Models, or tensors of them, that are the base's, and models of another base: usually not what a user meant to merge.

#include <dare/comm/communicator.hpp>
#include <dare/merge/deltas.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/plan/grid.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dare::pipeline {

/// In which tensors of which model a delta that is not 0 was seen.
class DeltaFlags {
 public:
  DeltaFlags() = default;
  explicit DeltaFlags(const Work& work)
      : models_{work.models.size()}, seen_(work.frame.tensors.size() * models_), sampled_(seen_.size()), likeness_(models_) {}

  [[nodiscard]] bool seen(std::uint32_t tensor, std::int32_t model) const { return seen_[place(tensor, model)] != 0; }
  void see(std::uint32_t tensor, std::int32_t model) { seen_[place(tensor, model)] = 1; }
  [[nodiscard]] bool sampled(std::uint32_t tensor, std::int32_t model) const { return sampled_[place(tensor, model)] != 0; }
  /// Counts a sample of one of the model's matrices.
  void sample(std::uint32_t tensor, std::int32_t model, const merge::Likeness& part) {
    sampled_[place(tensor, model)] = 1;
    likeness_[static_cast<std::size_t>(model)].add(part);
  }
  /// Of all samples.
  [[nodiscard]] const merge::Likeness& likeness(std::size_t model) const { return likeness_[model]; }
  /// Joins what all ranks have seen. Collective.
  void join(const comm::Communicator& world);

 private:
  [[nodiscard]] std::size_t place(std::uint32_t tensor, std::int32_t model) const {
    return tensor * models_ + static_cast<std::size_t>(model);
  }
  std::size_t models_ = 0;
  std::vector<std::uint8_t> seen_;
  std::vector<std::uint8_t> sampled_;
  std::vector<merge::Likeness> likeness_;  // by model
};

/// One model's tensors that a run merged whole, with a base beside them.
struct ModelDeltas {
  std::uint64_t tensors = 0;
  std::uint64_t without = 0;  ///< of these: without any delta
  merge::Likeness likeness;   ///< in the first elements of those matrices that this run began
};

/// By model. Tensors without elements and tensors of which an earlier run did a block are not counted: that run alone saw their deltas.
/// @param reused  blocks of earlier runs.
[[nodiscard]] std::vector<ModelDeltas> count_deltas(const Work& work, const Product& product, const DeltaFlags& flags,
                                                    const plan::Grid& grid, std::span<const std::uint64_t> reused);

/// A line for each model that has tensors without a delta, and for each that is as far from the base as another model would be.
/// @param resumed  whether an earlier run did some blocks.
[[nodiscard]] std::vector<std::string> delta_warnings(const Work& work, std::span<const ModelDeltas> models, bool resumed);

}  // namespace dare::pipeline
