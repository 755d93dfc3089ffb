#pragma once
/// A delta checkpoint from a fine-tuned model.

#include <dare/checkpoint/header.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/pipeline/run_options.hpp>

#include <filesystem>

namespace dare::pipeline {

struct DeltaOptions {
  RunOptions run;
  std::filesystem::path output;
  std::filesystem::path model;
  std::filesystem::path base;  ///< its names decide on the masks; its weights are not read
  checkpoint::DeltaMask mask;
};

/// Writes what DARE keeps of the model (checkpoint/delta.hpp): the same bytes at any number of ranks. Collective.
/// @return the exit code, 0. @throws comm::AgreedError
[[nodiscard]] int convert_delta(const DeltaOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
