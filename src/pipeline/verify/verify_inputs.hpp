#pragma once
/// An output's elements against what its inputs give.

#include "pipeline/verify/manifest_reader.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/pipeline/verify.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::pipeline {

/// A run of elements that the inputs do not give.
struct RunMismatch {
  std::uint32_t tensor = 0;      ///< position in the output's header
  std::uint64_t first = 0;       ///< the first element that differs, by its flat index
  std::uint64_t differing = 0;   ///< elements of the run that differ
  std::uint64_t stored = 0;      ///< bits of that element
  std::uint64_t recomputed = 0;  ///< likewise
};

struct InputCheck {
  std::vector<std::string> problems;  ///< inputs that are not the manifest's, or give other tensors; then nothing was recomputed
  std::vector<RunMismatch> mismatches;
  std::uint64_t runs = 0;      ///< recomputed
  std::uint64_t elements = 0;  ///< in them
  std::uint64_t runs_in_all = 0;
};

/// Recomputes the sample that `options` ask for and compares bytes. Collective; the same on all ranks.
/// @throws comm::AgreedError  the manifest's recipe or an input cannot be read.
[[nodiscard]] InputCheck check_inputs(const VerifyOptions& options, const Manifest& manifest, const checkpoint::Header& output,
                                      const comm::Communicator& world);

/// `wanted` of the numbers from 0 up to but not including `of`, ascending, by `seed` alone. Pure. @pre wanted <= of
[[nodiscard]] std::vector<std::uint64_t> sample(std::uint64_t of, std::uint64_t wanted, std::uint64_t seed);

}  // namespace dare::pipeline
