#pragma once
/// What checkpoints hold, and whether they are fit to be merged into a base.

#include <dare/comm/communicator.hpp>
#include <dare/core/dtype.hpp>

#include <filesystem>
#include <optional>
#include <vector>

namespace dare::compare {

struct InspectOptions {
  std::vector<std::filesystem::path> checkpoints;
  std::optional<std::filesystem::path> base;  ///< measure the checkpoints' deltas from it
  std::vector<double> drop_rates{0.9};        ///< of which the noise is estimated
  std::optional<Dtype> dtype;                 ///< of a merge's output; nothing: the base's
  bool totals_only = false;                   ///< no line a tensor
  bool json = false;
};

/// Prints on stdout what each checkpoint holds; with a base, reads both and reports on the deltas instead. Collective.
/// @return the exit code, 0.
/// @throws comm::AgreedError  one cannot be read.
[[nodiscard]] int inspect(const InspectOptions& options, const comm::Communicator& world);

}  // namespace dare::compare
