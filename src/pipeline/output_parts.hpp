#pragma once
/// What an output has beside its tensors, as hashes in its manifest.

#include <dare/checkpoint/header.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dare::pipeline {

/// A header, a file beside the weights, or an HDF5 file's metadata.
struct OutputPart {
  std::string kind;        ///< "header", "file" or "metadata"
  std::string name;        ///< of the file, relative to the output; empty for the output itself
  std::uint64_t size = 0;  ///< bytes of the file, or of the metadata
  std::string hash;        ///< XXH3-128 in hexadecimal digits
  template <class A>
  void archive(A& a) {
    a(kind, name, size, hash);
  }
};

/// Of the checkpoint that `output` describes. The same for equal outputs, wherever they are. Local; reads the side files.
/// @throws IoError
[[nodiscard]] std::vector<OutputPart> parts_of(const checkpoint::Header& output);

/// In what the parts differ from those that the manifest has, one line each. Files that came later are no difference. Pure.
[[nodiscard]] std::vector<std::string> parts_that_differ(const std::vector<OutputPart>& recorded, const std::vector<OutputPart>& found);

/// Names of the weight files that the manifest of the folder `output` has and that are not there. Local.
[[nodiscard]] std::vector<std::string> missing_weight_files(const std::vector<OutputPart>& recorded, const std::filesystem::path& output);

}  // namespace dare::pipeline
