#pragma once
/// Whether a product can be had as delta checkpoints, and what they take.

#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace dare::pipeline {

/// Why its delta checkpoints would not give a product; nothing where they would. Pure.
[[nodiscard]] std::optional<std::string> no_deltas(const Work& work, const Product& product);

/// What a product's delta checkpoints take, as far as the rates tell.
struct DeltaCost {
  std::uint64_t bytes_read = 0;  ///< a pass: the models, for the base's weights are not needed
  std::uint64_t bytes_written = 0;
  std::uint64_t files = 0;   ///< open at once
  std::uint64_t memory = 0;  ///< on a rank
};
/// Pure. @throws InputError  a model is not of the base's architecture.
[[nodiscard]] DeltaCost delta_cost(const Work& work, const Product& product, const RunOptions& run);

}  // namespace dare::pipeline
