#pragma once
/// What goes into a delta checkpoint.

#include <dare/checkpoint/delta.hpp>
#include <dare/checkpoint/output.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/plan/partition.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::pipeline {

/// A tensor of the base that the model has.
struct DeltaPart {
  std::string name;               ///< the base's
  std::uint32_t tensor = 0;       ///< position in the model's header
  bool packed = false;            ///< a float
  std::uint64_t first_entry = 0;  ///< of its kept_before
};

struct DeltaParts {
  std::vector<DeltaPart> parts;
  std::vector<std::string> notes;  ///< what is left out, one line each
};

/// By the base's names, as a merge matches them. Pure. @throws InputError  the two are not of one architecture.
[[nodiscard]] DeltaParts delta_parts(const checkpoint::Header& model, const checkpoint::Header& base);

/// How many elements are kept before each run of k_kept_run elements, over the packed parts one behind the other, and in each part in all.
struct KeptCounts {
  std::vector<std::uint64_t> before;
  std::vector<std::uint64_t> in_all;  ///< by part; elements for one that is whole
};

/// Draws all masks; ranks share the work. Collective; the same on all ranks.
[[nodiscard]] KeptCounts count_kept(const std::vector<DeltaPart>& parts, const checkpoint::Header& model, const checkpoint::DeltaMask& mask,
                                    const plan::Grid& grid, const std::vector<plan::Share>& shares, const comm::Communicator& world);

}  // namespace dare::pipeline
