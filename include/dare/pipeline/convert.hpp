#pragma once
/// A checkpoint in another format, sharding or float type.

#include <dare/checkpoint/select.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/core/dtype.hpp>
#include <dare/merge/settings.hpp>
#include <dare/pipeline/run_options.hpp>

#include <filesystem>
#include <optional>

namespace dare::pipeline {

struct ConvertOptions {
  RunOptions run;
  std::filesystem::path output;
  std::filesystem::path source;
  std::optional<Dtype> dtype;                         ///< floats are rounded to it
  merge::Overflow overflow = merge::Overflow::error;  ///< of floats that are too large for it
  checkpoint::Selection selection;                    ///< of the source's tensors
  bool link = false;                                  ///< make an HDF5 view of safetensors files in place, copy nothing
  bool keep_shards = true;  ///< write the source's own safetensors headers again where they are known: the same files byte for byte
};

/// Converts. Collective over `world`. @return the exit code, 0. @throws comm::AgreedError
[[nodiscard]] int convert(const ConvertOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
