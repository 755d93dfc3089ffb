#pragma once
/// Whether an output still is what its manifest says, and what its inputs give.

#include <dare/comm/communicator.hpp>
#include <dare/plan/plan.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace dare::pipeline {

/// Elements that are recomputed in one go: a sample is of aligned runs of so many.
inline constexpr std::uint64_t k_sample_elements = 65536;

struct VerifyOptions {
  std::string program;           ///< the name that messages begin with
  std::filesystem::path output;  ///< what dare-merge wrote
  std::uint64_t show = 20;       ///< mismatches that are listed; all are counted
  bool json = false;
  bool against = false;             ///< recompute from the inputs too
  std::filesystem::path inputs_at;  ///< relative paths of the manifest's recipe are relative to it; empty: to the working folder
  std::uint64_t sample = 256;       ///< runs of k_sample_elements that are recomputed
  bool all = false;                 ///< recompute everything
  std::uint64_t seed = 0;           ///< of the choice of runs
  std::uint64_t memory_per_rank = plan::Limits{}.memory_per_rank;  ///< bytes of buffers that recomputing may take
};

/// Recomputes the hashes of all blocks, and with `against` a sample of the elements, and prints what differs on stdout. Collective.
/// @return the exit code: 0, or 4 where anything differs.
/// @throws comm::AgreedError  no output, no manifest or not one of this form; with `against`: inputs that cannot be read.
[[nodiscard]] int verify(const VerifyOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
