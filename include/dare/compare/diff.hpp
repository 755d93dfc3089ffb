#pragma once
/// Two checkpoints, tensor by tensor.

#include <dare/comm/communicator.hpp>

#include <filesystem>

namespace dare::compare {

struct DiffOptions {
  std::filesystem::path a;
  std::filesystem::path b;
  bool json = false;
  bool list_equal = false;  ///< list equal tensors too
};

/// Prints on stdout where the weights of A and B differ, and how far. Figures do not depend on the number of ranks. Collective.
/// @return the exit code: 0 where all weights are equal, 4 where any differs.
/// @throws comm::AgreedError  A or B cannot be read.
[[nodiscard]] int diff(const DiffOptions& options, const comm::Communicator& world);

}  // namespace dare::compare
