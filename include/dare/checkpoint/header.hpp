#pragma once
/// What a checkpoint holds, as a plain value: read and checked by one rank, then handed to all.

#include <dare/core/dtype.hpp>
#include <dare/core/hash.hpp>
#include <dare/core/shape.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dare::checkpoint {

enum class Format : std::uint8_t { safetensors, hdf5, pytorch };

/// One tensor: where its bytes are and how to read them.
struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint32_t file = 0;      ///< index into Header::files
  std::uint64_t offset = 0;    ///< of its first byte in that file; HDF5: 0 where it does not lie there as it is read (chunks, big-endian)
  std::string dataset;         ///< HDF5: path of its dataset; else empty
  Shape strides;               ///< PyTorch: in elements, where it is not stored row by row without gaps; else empty
  std::int32_t low_rank = -1;  ///< LoRA: index into Header::low_rank where only the factors of its change are stored; else -1

  template <class A>
  void archive(A& a) {
    a(name, dtype, shape, elements, bytes, file, offset, dataset, strides, low_rank);
  }
};

/// The change of one of a base's tensors as a product of two matrices: scale * B A, or its transpose.
struct LowRank {
  TensorInfo a;  ///< rank rows
  TensorInfo b;  ///< rank columns
  std::uint64_t rank = 0;
  double scale = 1;
  bool transposed = false;  ///< the base stores the transpose (embeddings, Conv1D)
  bool has_base = false;    ///< the adapter carries the base's tensor too:
  TensorInfo base;          ///< where it is; the product changes this tensor, and only this

  template <class A>
  void archive(A& archive) {
    archive(a, b, rank, scale, transposed, has_base, base);
  }
};

/// Which elements a delta checkpoint has: those that DARE keeps at a rate, in a stream (delta.hpp).
struct DeltaMask {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  double drop_rate = 0;

  template <class A>
  void archive(A& a) {
    a(seed, stream, drop_rate);
  }
};

/// How the tensors of a delta checkpoint are stored.
struct DeltaPacking {
  DeltaMask mask;
  std::vector<TensorInfo> stored;          ///< by tensor of the header
  std::vector<std::uint64_t> first_entry;  ///< likewise: its first entry in kept_before; nothing there where it is stored whole
  std::vector<std::uint8_t> packed;        ///< likewise: whether it is packed
  TensorInfo kept_before;

  template <class A>
  void archive(A& a) {
    a(mask, stored, first_entry, packed, kept_before);
  }
};

/// One weight file of a checkpoint.
struct InputFile {
  std::filesystem::path path;  ///< to open it
  std::string name;            ///< relative to the checkpoint's root; the file's own name for a single file
  std::uint64_t size = 0;      ///< bytes
  Hash128 header_hash{};  ///< XXH3-128 of a safetensors header (length and JSON), of an HDF5 file's tensor list, or of a PyTorch file's
                          ///< pickle and the checksums that the archive has of the weights
  std::int64_t changed_ns = 0;  ///< time of last change before the header was read, since 1970; see check_unchanged()

  template <class A>
  void archive(A& a) {
    a(path, name, size, header_hash, changed_ns);
  }
};

/// A whole checkpoint, weights excepted.
struct Header {
  Format format = Format::safetensors;
  std::filesystem::path root;           ///< as the user gave it
  std::vector<InputFile> files;         ///< shards in order; HDF5: the .h5 file, then those that a link view's tensors lie in
  std::vector<TensorInfo> tensors;      ///< file order: shards in order, within each by offset (PyTorch: in the state dict's order)
  std::string metadata;                 ///< JSON text of the source's __metadata__; empty where it has none
  std::vector<std::string> side_files;  ///< names of config.json, tokenizer files, ... relative to the root
  std::filesystem::path folder;         ///< to open side files from; empty for a checkpoint of one file
  std::vector<InputFile> consulted;     ///< other files that the header was read from (an index, an adapter's configuration)
  std::vector<std::string> notes;       ///< what is beside the weights and passed over, one line each, for the user
  std::vector<LowRank> low_rank;        ///< of a LoRA adapter (lora.hpp); else empty
  std::optional<DeltaPacking> delta;    ///< of a delta checkpoint that is read as the model it stands for (delta.hpp)
  bool ties_embeddings = false;         ///< its config.json says that the output head is the embeddings; recipe::note_config() sets it

  /// The tensor of that name, or nullptr. The first call builds an index: `tensors` must not change after it.
  [[nodiscard]] const TensorInfo* find(std::string_view name) const;
  [[nodiscard]] std::uint64_t total_bytes() const noexcept;  ///< below 2^60 of what read_header() read

  template <class A>
  void archive(A& a) {
    a(format, root, files, tensors, metadata, side_files, folder, consulted, notes, low_rank, delta, ties_embeddings);
  }

 private:
  // Positions in tensors. The names are this header's own: a copy begins without, a move takes the names along.
  struct NameIndex {
    NameIndex() = default;
    NameIndex(const NameIndex& /*other*/) {}
    NameIndex(NameIndex&&) noexcept = default;
    NameIndex& operator=(const NameIndex& /*other*/) {
      positions.clear();
      return *this;
    }
    NameIndex& operator=(NameIndex&&) noexcept = default;
    ~NameIndex() = default;
    std::unordered_map<std::string_view, std::size_t> positions;
  };
  mutable NameIndex by_name_;
};

/// Reads and checks every header of the checkpoint at `path`: an `.h5` file, a `.safetensors` file, a PyTorch `.bin`, `.pt` or `.pth`, or a
/// Hugging Face folder with either of the latter. No weight is read and no code of a pickle is run. Local: rank 0 calls it and hands the
/// value on.
///
/// An `.h5` file that this program did not write is read too: each dataset of floats or integers, of any layout, is a tensor named by its
/// path; text and other classes are passed over. Hard links are followed, a group once, so cycles end; soft links, other names of what is
/// in the file, are passed over; links to other files, external and virtual storage are refused.
/// @throws InputError  it cannot be read, a rule of its format is broken, or it is no finished output (require_finished()).
[[nodiscard]] Header read_header(const std::filesystem::path& path);

/// The same of the output that this run builds at `path`. Local. @throws InputError
[[nodiscard]] Header read_header_of_unfinished(const std::filesystem::path& path);

/// Refuses an output that is being written or that an interrupted run left: `.NAME.partial` with the journal `.NAME.journal` beside it, or
/// a file in such a folder. Its headers are whole from the beginning, its weights are not. Local.
/// @throws InputError
void require_finished(const std::filesystem::path& path);

/// Throws where a file that the header was read from is no longer of the size and time that it had before that. Local.
/// @throws InputError  what has been read of it may be a mixture.
void check_unchanged(const Header& header);

/// The bytes of one of header.side_files. Local. @throws IoError
[[nodiscard]] std::vector<std::byte> read_side_file(const Header& header, const std::string& name);
/// The same of an input, before anything is written. Local. @throws InputError  it cannot be read.
[[nodiscard]] std::vector<std::byte> read_input_side_file(const Header& header, const std::string& name);

/// The raw header bytes (8 bytes of length, then JSON) of each safetensors file that the checkpoint is or came from, with that file's name;
/// empty where it never was one. Local. @throws IoError
struct SourceHeader {
  std::string file;
  std::vector<std::byte> bytes;
};
[[nodiscard]] std::vector<SourceHeader> read_source_headers(const Header& header);

}  // namespace dare::checkpoint
