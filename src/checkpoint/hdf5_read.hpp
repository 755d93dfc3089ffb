#pragma once
/// Parts of reading an .h5 file's structure. All local, with the serial driver.

#include "checkpoint/h5_handle.hpp"

#include <dare/checkpoint/header.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dare::checkpoint::hdf5 {

/// "FILE: tensor "NAME": what; fetch the file again" as an InputError.
[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view tensor, const std::string& what);

/// Names go into JSON headers and into links of HDF5. @throws InputError
void require_name(const std::filesystem::path& file, const std::string& tensor);

enum class SoftLinks : std::uint8_t { refuse, skip };

/// Calls `visit` with the path (no leading '/') and the identifier of each dataset below `group`, by hard links, names in byte order.
/// A group reached again is not entered again, so cycles end; where soft links are refused it is too. Links to other files are refused,
/// named types skipped.
/// @throws InputError  a link of a kind that is refused, or groups nested too deep.
void walk(const std::filesystem::path& file, hid_t group, SoftLinks soft,
          const std::function<void(const std::string& path, hid_t dataset)>& visit);

/// Whether /`name` is there. @throws InputError  it is a link to something else, in this file or another: the format has none.
[[nodiscard]] bool has_own(const std::filesystem::path& file, hid_t h5, const std::string& name);

/// Names of the datasets right below /`group`, in byte order; none where the group is not there.
[[nodiscard]] std::vector<std::string> names_in(const std::filesystem::path& file, hid_t h5, const std::string& group);

/// How many bytes there are, and how many of the file they take.
struct ByteCount {
  std::uint64_t bytes = 0;
  std::uint64_t stored = 0;
};
/// Of a dataset of bytes or of one fixed-length text, all of which is in the file. @throws InputError  it is something else, too large, or
/// packed beyond what text is.
[[nodiscard]] ByteCount count_bytes(const std::filesystem::path& file, hid_t h5, const std::string& path);
[[nodiscard]] std::vector<std::byte> read_bytes(const std::filesystem::path& file, hid_t h5, const std::string& path);

/// Names in a group may share their bytes. @param stored  bytes of the file that all of them take together.
/// @throws InputError  more than there are.
void require_within_file(const Header& header, std::string_view group, std::uint64_t stored);

/// Whether a tensor that begins at `offset` is in a file of `size` bytes. @throws InputError  it ends behind it.
void require_within_file(const std::filesystem::path& file, const TensorInfo& tensor, std::uint64_t offset, std::uint64_t size);

enum class Place : std::uint8_t {
  file,      ///< in one piece of the .h5 file
  external,  ///< in one piece of another file
  chunks,
  header,   ///< within the dataset's own description
  nowhere,  ///< never written: all elements have the fill value
};

/// Where a dataset's bytes are.
struct Storage {
  Place place = Place::nowhere;
  std::uint64_t offset = 0;    ///< file and external: of the first byte there
  std::string external;        ///< path of the other file as stored
  std::uint64_t reserved = 0;  ///< external: bytes that belong to the dataset there
};
/// Asks nothing of the dataset that makes HDF5 open other files. @throws InputError  a layout or compression that cannot be read here.
[[nodiscard]] Storage storage_of(const std::filesystem::path& file, const std::string& name, hid_t dataset);

/// The two kinds of .h5 checkpoint; each fills files, tensors, metadata and side files of `header`.
void read_own(hid_t h5, Header& header);
void read_foreign(hid_t h5, Header& header);

/// The files that a link view's datasets lie in, checked against what the view recorded, behind the .h5 file itself in `header.files`.
void read_link_targets(hid_t h5, Header& header);

}  // namespace dare::checkpoint::hdf5
