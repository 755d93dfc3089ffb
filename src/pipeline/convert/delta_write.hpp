#pragma once
/// Delta checkpoints of one model, written together from one read of it.

#include "pipeline/convert/delta_parts.hpp"

#include <dare/core/hash.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dare::pipeline {

/// What is kept by each of some masks, and how the ranks share the work. The same on all ranks.
struct DeltaPlan {
  DeltaParts parts;
  plan::Grid grid{std::vector<plan::TensorLoad>{}};
  std::vector<plan::Share> shares;
  std::vector<checkpoint::DeltaMask> masks;
  std::vector<KeptCounts> counts;  ///< by mask
  bool keeps_nonfinite = false;    ///< whether infinities and NaNs are taken as they are
};

/// Draws all masks. Collective. @throws comm::AgreedError  model and base are not of one architecture.
[[nodiscard]] DeltaPlan plan_deltas(const checkpoint::Header& model, const checkpoint::Header& base,
                                    std::vector<checkpoint::DeltaMask> masks, const comm::Communicator& world);

/// All of the delta checkpoint of masks[mask] but the weights. Local. @throws IoError  a side file cannot be read.
[[nodiscard]] checkpoint::OutputSpec delta_spec(const DeltaPlan& plan, std::size_t mask, const checkpoint::Header& model,
                                                const checkpoint::DeltaOrigin& origin, std::uint64_t shard_size);

/// Files that create_output made.
struct DeltaFiles {
  std::filesystem::path root;
  checkpoint::OutputLayout layout;
  template <class A>
  void archive(A& a) {
    a(root, layout);
  }
};

/// Reads the model once and writes what each mask keeps of it, forced to the disk. Ends early where a signal came: the caller looks for
/// one before it uses the files. Collective.
/// @param files  one a mask; none: nothing is written, the bytes are hashed alone.
/// @return a hash of each mask's bytes, the same at any number of ranks.
/// @throws comm::AgreedError  also of an element, dropped or not, that is not finite, unless the plan keeps these.
[[nodiscard]] std::vector<Hash128> write_deltas(const DeltaPlan& plan, const checkpoint::Header& model,
                                                const std::vector<DeltaFiles>& files, const comm::Communicator& world);

}  // namespace dare::pipeline
