#include "checkpoint/backends.hpp"
#include "checkpoint/boxes.hpp"
#include "checkpoint/h5_chunks.hpp"
#include "checkpoint/h5_types.hpp"
#include "checkpoint/hdf5_read.hpp"
#include "checkpoint/hdf5_schema.hpp"
#include "checkpoint/mpi_io_hints.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace dare::checkpoint::hdf5 {
namespace {

void reverse_bytes(std::span<std::byte> bytes, std::size_t size) {
  for (std::size_t i = 0; i + size <= bytes.size(); i += size) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i), bytes.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
}

// What stays open between two reads of one tensor.
struct OpenTensor {
  std::string path;  // of the dataset; empty for none
  std::string name;
  H5Dataset dataset;
  H5Type type;
  H5Space space;
  Shape extents;
  std::size_t item = 1;  // bytes of a stored element
  bool big_endian = false;
  Place place = Place::file;
  std::unique_ptr<ChunkReader> chunks;  // where it is stored in chunks
};

class Reader : public CheckpointReader {
 public:
  Reader(const Header& header, const comm::Communicator& world)
      : input_{header.files.front()}, world_{&world}, sized_{File::open_read(path())}, in_place_{safetensors::open(header)} {
    parallel_ = file_access(path());
    check(H5Pset_fapl_mpio(parallel_.get(), world.handle(), MPI_INFO_NULL), {path(), "prepare reading"});
    require_size();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Closing is collective: after an error, when close() was not called, HDF5 does it as MPI ends.
  ~Reader() override { file_.abandon(); }

  /// Collective.
  void open_file() { file_ = H5File{H5Fopen(path().c_str(), H5F_ACC_RDONLY, parallel_.get()), {path(), "open in parallel"}}; }

  void read(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) override {
    if (out.empty()) return;
    // A view's tensors lie in safetensors files. HDF5 would look for them where its environment says, which is not where they were checked.
    if (tensor.file != 0) return in_place_->read(tensor, first, out);
    if (open_.path != tensor.dataset) open_tensor(tensor);
    const auto begin = first * info(tensor.dtype).bits / 8 / open_.item;
    const auto most = k_most_per_transfer / open_.item * open_.item;
    for (std::size_t done = 0; done < out.size();) {
      const auto part = out.subspan(done, std::min(out.size() - done, most));
      read_items(begin + done / open_.item, part);
      done += part.size();
    }
    require_size();
    if (open_.big_endian) reverse_bytes(out, open_.item);
  }

  [[nodiscard]] std::string access() const override {
    return fmt::format("HDF5 with MPI-IO, independent; hints granted: {}", granted_hints(file_));
  }

  void close() override {
    in_place_->close();
    if (!file_.is_open()) return;
    open_ = {};
    world_->agree([&] { file_.close({path(), "close"}); });
  }

 private:
  [[nodiscard]] const std::filesystem::path& path() const { return input_.path; }

  // Behind the end of a file HDF5 reads zeros under MPI and reports nothing.
  void require_size() const {
    const auto now = sized_.size();
    if (now >= input_.size) return;
    throw IoError{
        fmt::format("{}: {} bytes, it had {} when its header was read; it was truncated while in use", path().string(), now, input_.size)};
  }

  void open_tensor(const TensorInfo& tensor) {
    const Doing doing{path(), "open tensor", tensor.name};
    open_ = {};
    open_.dataset = H5Dataset{H5Dopen2(file_.get(), tensor.dataset.c_str(), H5P_DEFAULT), doing};
    open_.place = storage_of(path(), tensor.name, open_.dataset.get()).place;
    open_.type = H5Type{H5Dget_type(open_.dataset.get()), doing};
    open_.space = H5Space{H5Dget_space(open_.dataset.get()), doing};
    open_.item = H5Tget_size(open_.type.get());
    const auto stored = stored_type(open_.type.get());
    const auto extents = extents_of(open_.space.get());
    const auto points = extents ? checked_elements(*extents) : std::nullopt;
    // The memory that HDF5 fills is sized by the header: the dataset must still be the one it describes.
    if (!stored || open_.place == Place::external || open_.item == 0 || points != tensor.bytes / open_.item ||
        tensor.bytes % open_.item != 0) {
      throw IoError{
          fmt::format("{}: tensor \"{}\": its dataset is not what it was when the header was read; run again when the file is at rest",
                      path().string(), tensor.name)};
    }
    if (open_.place == Place::chunks)
      open_.chunks = std::make_unique<ChunkReader>(path(), tensor.name, open_.dataset.get(), open_.type.get(), *extents);
    open_.extents = *extents;
    open_.big_endian = stored->big_endian;
    open_.name = tensor.name;
    open_.path = tensor.dataset;  // last: only what opened whole is used again
  }

  void read_items(std::uint64_t first, std::span<std::byte> out) {
    std::size_t done = 0;
    for (const auto& box : boxes(open_.extents, first, out.size() / open_.item)) {
      const hsize_t elements = box.elements();
      const auto bytes = elements * open_.item;
      const auto part = out.subspan(done, bytes);
      try {
        if (open_.chunks) {
          open_.chunks->read(box, part);
        } else {
          read_box(box, elements, part);
        }
      } catch (const Hdf5Error& error) {
        throw IoError{
            fmt::format("{}: tensor \"{}\": {} bytes at element {}: {}", path().string(), open_.name, out.size(), first, error.what())};
      } catch (const InputError&) {
        require_size();  // a chunk is damaged when its end is gone
        throw;
      }
      done += bytes;
    }
  }

  void read_box(const Box& box, hsize_t elements, std::span<std::byte> out) {
    const Doing doing{path(), "read"};
    const H5Space memory{H5Screate_simple(1, &elements, nullptr), doing};
    if (!box.start.empty()) {
      std::array<hsize_t, H5S_MAX_RANK> start{};
      std::array<hsize_t, H5S_MAX_RANK> count{};
      std::copy(box.start.begin(), box.start.end(), start.begin());
      std::copy(box.count.begin(), box.count.end(), count.begin());
      check(H5Sselect_hyperslab(open_.space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), doing);
    }
    if (open_.place == Place::nowhere)
      std::fill(out.begin(), out.end(), std::byte{});  // HDF5 leaves it as it is where no fill value is set
    check(H5Dread(open_.dataset.get(), open_.type.get(), memory.get(), open_.space.get(), H5P_DEFAULT, out.data()), doing);
  }

  InputFile input_;
  const comm::Communicator* world_;
  File sized_;
  std::unique_ptr<CheckpointReader> in_place_;  // the files of a view
  H5Properties parallel_;
  H5File file_;
  OpenTensor open_;
};

}  // namespace

std::unique_ptr<CheckpointReader> open(const Header& header, const comm::Communicator& world) {
  silence();
  std::unique_ptr<Reader> reader;
  // What can fail on one rank alone comes first: opening through MPI-IO is collective.
  world.agree([&] { reader = std::make_unique<Reader>(header, world); });
  world.agree([&] { reader->open_file(); });
  return reader;
}

}  // namespace dare::checkpoint::hdf5
