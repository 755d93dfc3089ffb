#pragma once
/// Reading weights: any run of any tensor, as stored.

#include <dare/checkpoint/header.hpp>
#include <dare/comm/communicator.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace dare::checkpoint {

/// Reads tensors of one checkpoint whose header is known.
class CheckpointReader {
 public:
  virtual ~CheckpointReader() = default;

  /// Copies elements [first, first + n) of `tensor` into `out`, as stored, never converted. Local.
  /// @param tensor  an entry of the header's tensors; its shape is row-major.
  /// @param first   flat index, in elements, not bytes.
  /// @param out     exactly bytes_for(tensor.dtype, n) bytes, little-endian.
  /// @pre first + n <= tensor.elements
  /// @throws IoError  naming file, offset and byte count, e.g. when a shard was truncated after its header was read.
  virtual void read(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) = 0;

  /// How the bytes come off the disk, in a few words, for a log: e.g. the hints that MPI-IO granted. Local.
  [[nodiscard]] virtual std::string access() const { return "positioned reads"; }

  /// Ends reading; closing a file of the parallel HDF5 driver is collective over the communicator of open().
  virtual void close() = 0;
};

/// Opens what `header` describes. Collective over `world` (HDF5 files are opened through MPI-IO).
/// @throws IoError  on every rank, with the same text.
[[nodiscard]] std::unique_ptr<CheckpointReader> open(const Header& header, const comm::Communicator& world);

}  // namespace dare::checkpoint
