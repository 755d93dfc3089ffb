#pragma once
/// Writing a checkpoint: first all files with their headers, so that every tensor has its place; then bytes at places.

#include <dare/checkpoint/header.hpp>
#include <dare/core/dtype.hpp>
#include <dare/core/file.hpp>
#include <dare/core/shape.hpp>
#include <dare/core/write_back.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dare::checkpoint {

enum class OutputKind : std::uint8_t { hdf5, safetensors_file, folder };

/// By the ending of OUTPUT: `.h5`, `.safetensors`, else a Hugging Face folder.
[[nodiscard]] OutputKind output_kind(const std::filesystem::path& output);
/// The ending that chooses `kind`, with its dot; empty for a folder.
[[nodiscard]] std::string_view ending_of(OutputKind kind) noexcept;
/// @throws UsageError  OUTPUT would be a folder though its ending is that of a weight file: `.hdf5`, `.bin`, `.pt`, ...
void check_ending(const std::filesystem::path& output);

struct OutputTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
};

struct SideFile {
  std::string name;  ///< relative to the folder, or below /files of an HDF5 file
  std::vector<std::byte> bytes;
};

inline constexpr std::uint64_t k_shard_size = 5'000'000'000;  ///< bytes of a folder's largest shard, unless something else is asked for

/// All of a checkpoint but the weights.
struct OutputSpec {
  std::vector<OutputTensor> tensors;        ///< in file order
  std::string metadata;                     ///< JSON text of __metadata__; empty for none
  std::vector<SideFile> side_files;         ///< a .safetensors file has no place for them
  std::uint64_t shard_size = k_shard_size;  ///< folder: largest shard in bytes, unless one tensor is larger
  /// Byte-faithful conversion: these headers are written (safetensors) or kept under /source (HDF5) as they are. Empty otherwise.
  std::vector<SourceHeader> source_headers;
};

/// Where each tensor's bytes go.
struct OutputLayout {
  struct OutputFile {
    std::string name;        ///< relative to the root; empty where the root is the file
    std::uint64_t size = 0;  ///< bytes when complete
    template <class A>
    void archive(A& a) {
      a(name, size);
    }
  };
  struct Place {
    std::uint32_t file = 0;
    std::uint64_t offset = 0;  ///< of the tensor's first byte
  };
  std::vector<OutputFile> files;
  std::vector<Place> tensors;  ///< one for each tensor of the specification, in its order

  [[nodiscard]] std::uint64_t total_bytes() const noexcept;
  template <class A>
  void archive(A& a) {
    a(files, tensors);
  }
};

/// Where `spec`'s tensors will go, before anything is written. For HDF5 sizes and offsets are those of create_output up to its metadata
/// (an estimate that is never below). Pure.
[[nodiscard]] OutputLayout plan_output(OutputKind kind, const OutputSpec& spec);

/// Makes the files of a checkpoint at `root` (which must not exist): headers, HDF5 objects, index, side files, all forced to the disk;
/// the weights' space is left to be written. Local: one rank calls it.
/// @throws IoError
[[nodiscard]] OutputLayout create_output(const std::filesystem::path& root, OutputKind kind, const OutputSpec& spec);

/// Writes weights into files that create_output made. Local; opens each file when it first writes to it. What is written starts for the
/// disk at once, so that sync() has little to wait for.
class OutputWriter {
 public:
  OutputWriter(std::filesystem::path root, OutputLayout layout);
  /// @param tensor  position in the specification.  @param offset  in bytes from the tensor's first byte.
  void write(std::size_t tensor, std::uint64_t offset, std::span<const std::byte> data);
  /// Starts all that this writer wrote for the disk: several writers' sync() then wait for one another's work. Nothing is safe yet.
  void begin_sync();
  /// Forces all that this writer wrote to the disk.
  void sync();
  /// Closes the files; errors that closing finds are thrown.
  void close();

 private:
  std::filesystem::path root_;
  OutputLayout layout_;
  std::vector<File> files_;
  WriteBack write_back_;
};

}  // namespace dare::checkpoint
