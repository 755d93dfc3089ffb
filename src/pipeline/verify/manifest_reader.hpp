#pragma once
/// A manifest as it was written, read back and checked.

#include "pipeline/output_parts.hpp"

#include <dare/core/dtype.hpp>
#include <dare/core/hash.hpp>
#include <dare/core/shape.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::pipeline {

struct ManifestTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
  std::uint64_t elements = 0;
  std::vector<Hash128> blocks;  ///< of the fixed grid, in order
  template <class A>
  void archive(A& a) {
    a(name, dtype, shape, elements, blocks);
  }
};

struct ManifestInput {
  struct File {
    std::string name;
    std::uint64_t size = 0;  ///< bytes
    std::string header_hash;
    std::string pieces_hash;  ///< of the whole contents (--hash-inputs); empty where it was not recorded
    template <class A>
    void archive(A& a) {
      a(name, size, header_hash, pieces_hash);
    }
  };
  std::string path;  ///< as the user gave it
  std::vector<File> files;
  template <class A>
  void archive(A& a) {
    a(path, files);
  }
};

/// A delta checkpoint of a sweep: that of the model at its place in the recipe.
struct ManifestDelta {
  std::string name;  ///< of the file or folder beside the manifest
  std::string hash;
  template <class A>
  void archive(A& a) {
    a(name, hash);
  }
};

struct Manifest {
  std::string program;
  std::uint64_t stream_version = 0;
  std::string recipe;  ///< JSON
  std::vector<ManifestInput> inputs;
  std::optional<std::vector<OutputPart>> parts;  ///< nothing in those of versions that recorded none
  std::vector<ManifestTensor> tensors;
  std::optional<std::vector<ManifestDelta>> deltas;  ///< of a folder of a sweep's delta checkpoints, which has no tensors of its own
  template <class A>
  void archive(A& a) {
    a(program, stream_version, recipe, inputs, parts, tensors, deltas);
  }
};

/// Reads the manifest in `file`. Its text may be anything; read_manifest_text() says how much of it is read. Local.
/// @throws InputError  it is not there, or is no manifest.
[[nodiscard]] Manifest read_manifest(const std::filesystem::path& file);
/// The same from text; `file` names it in messages. Pure.
[[nodiscard]] Manifest parse_manifest(const std::filesystem::path& file, std::string_view text);

}  // namespace dare::pipeline
