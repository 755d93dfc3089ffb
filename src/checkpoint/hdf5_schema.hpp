#pragma once
/// Names in an .h5 checkpoint, and the one writer of all objects in it.

#include "checkpoint/h5_handle.hpp"

#include <dare/core/dtype.hpp>
#include <dare/core/shape.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dare::checkpoint::hdf5 {

constexpr auto k_format = "dare-checkpoint";
constexpr std::uint64_t k_format_version = 1;
constexpr std::uint64_t k_alignment = std::uint64_t{1} << 20U;      ///< of datasets that are as large or larger
constexpr std::size_t k_most_per_transfer = std::size_t{1} << 30U;  ///< HDF5 1.10 fails above INT_MAX bytes a call

/// Paths of the tensors' datasets below /tensors, one for each name: the name, or "~<position>" where the name cannot be a path or would
/// clash with another. Pure.
[[nodiscard]] std::vector<std::string> dataset_paths(std::span<const std::string_view> names);

/// Bytes of another file that a dataset stands for.
struct ExternalPlace {
  std::string path;  ///< relative to the .h5 file's folder
  std::uint64_t offset = 0;
};

/// One tensor to be.
struct SchemaTensor {
  std::string_view name;
  std::string_view path;  ///< of dataset_paths
  std::uint64_t index = 0;
  Dtype dtype = Dtype::f32;
  const Shape& shape;
  std::string_view shard;  ///< the source's file; empty where there was none
  std::optional<ExternalPlace> external;
};

/// Makes a new file and its objects, always the same bytes for the same calls. Local.
class SchemaWriter {
 public:
  /// @param tensors  how many there will be.  @throws Hdf5Error  the file exists or cannot be made.
  SchemaWriter(const std::filesystem::path& file, std::size_t tensors);
  void metadata(const std::string& json);
  /// Adds /<group>/<name> with these bytes; `annotate` may add attributes to it.
  template <class Annotate>
  void bytes(const std::string& group, const std::string& name, std::span<const std::byte> data, Annotate&& annotate) {
    const auto dataset = write_bytes(group, name, data);
    annotate(dataset.get());
  }
  void bytes(const std::string& group, const std::string& name, std::span<const std::byte> data) { write_bytes(group, name, data); }
  /// Returns where its bytes go in the file; 0 for an empty or external one.
  std::uint64_t tensor(const SchemaTensor& tensor);
  /// Closes the file and forces it to the disk; returns its size.
  std::uint64_t finish();

 private:
  [[nodiscard]] hid_t group(const std::string& path);
  H5Dataset write_bytes(const std::string& group, const std::string& name, std::span<const std::byte> data);
  H5Dataset new_dataset(hid_t parent, const char* name, hid_t type, hid_t space, const std::optional<ExternalPlace>& external,
                        std::uint64_t size);

  std::filesystem::path path_;
  H5File file_;
  H5Properties group_creation_;
  H5Properties link_creation_;
  H5Properties dataset_creation_;
  std::map<Dtype, H5Type> types_;
  std::unordered_map<std::string, H5Group> groups_;
};

}  // namespace dare::checkpoint::hdf5
