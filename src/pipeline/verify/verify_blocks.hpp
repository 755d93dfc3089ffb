#pragma once
/// An output's bytes against the hashes of its manifest.

#include "pipeline/verify/manifest_reader.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/comm/communicator.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::pipeline {

/// A block whose bytes have another hash than the manifest's.
struct BlockMismatch {
  std::uint32_t tensor = 0;  ///< position in the manifest
  std::uint32_t block = 0;   ///< position in the tensor
  Hash128 found{};
};

struct BlockCheck {
  std::vector<std::string> problems;  ///< tensors that are missing, of another type or shape, or in no manifest
  std::vector<BlockMismatch> mismatches;
  std::uint64_t blocks = 0;  ///< that were read
  std::uint64_t bytes = 0;   ///< likewise
};

/// Reads every block of the output that the manifest has a hash for; ranks share the reading. Collective; the same on all ranks.
/// @throws comm::AgreedError  it cannot be read.
[[nodiscard]] BlockCheck check_blocks(const Manifest& manifest, const checkpoint::Header& output, const comm::Communicator& world);

}  // namespace dare::pipeline
