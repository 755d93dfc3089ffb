#pragma once
/// HDF5's C identifiers behind move-only owners, and its error stack as exceptions.

#include <dare/core/error.hpp>

#define H5_USE_110_API 1  // later libraries keep the calls of 1.10 under this name
#include <hdf5.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace dare::checkpoint::hdf5 {

/// What a call is about, for the text of an error; the text is made only when there is one.
struct Doing {
  const std::filesystem::path& file;
  std::string_view what;         ///< follows "HDF5 cannot", e.g. "open"
  std::string_view object = {};  ///< name of a dataset, group or attribute; may be empty
};

/// The text names the file, what was tried and the innermost reason on HDF5's own stack.
class Hdf5Error : public IoError {
 public:
  explicit Hdf5Error(const Doing& doing);
};

/// Keeps HDF5 from printing its error stack: it is read by Hdf5Error. Called by every function that enters the library first. Local.
void silence();

/// @throws Hdf5Error  `status`, a result of the C interface, says that the call failed.
inline void check(herr_t status, const Doing& doing) {
  if (status < 0) throw Hdf5Error{doing};
}

/// Move-only owner of one identifier. `Close` is H5Fclose, H5Dclose, H5Sclose, ...
template <auto Close>
class H5Handle {
 public:
  H5Handle() = default;
  /// @throws Hdf5Error  `id` is negative.
  H5Handle(hid_t id, const Doing& doing) : id_{id} {
    if (id_ < 0) throw Hdf5Error{doing};
  }
  H5Handle(H5Handle&& other) noexcept : id_{std::exchange(other.id_, H5I_INVALID_HID)} {}
  H5Handle& operator=(H5Handle other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~H5Handle() {
    if (id_ >= 0) Close(id_);  // cannot report: what was written ends with close()
  }
  void close(const Doing& doing) {
    if (id_ >= 0 && Close(std::exchange(id_, H5I_INVALID_HID)) < 0) throw Hdf5Error{doing};
  }
  /// Gives the identifier up: HDF5 closes it when the library ends.
  void abandon() noexcept { id_ = H5I_INVALID_HID; }
  [[nodiscard]] bool is_open() const noexcept { return id_ >= 0; }
  [[nodiscard]] hid_t get() const noexcept { return id_; }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using H5File = H5Handle<H5Fclose>;
using H5Object = H5Handle<H5Oclose>;  ///< a group, dataset or named type
using H5Group = H5Handle<H5Gclose>;
using H5Dataset = H5Handle<H5Dclose>;
using H5Space = H5Handle<H5Sclose>;
using H5Type = H5Handle<H5Tclose>;
using H5Attribute = H5Handle<H5Aclose>;
using H5Properties = H5Handle<H5Pclose>;

/// Opens with the serial driver, for reading. Local.
[[nodiscard]] H5File open_serial(const std::filesystem::path& file);

/// A file access list that needs no file locks: inputs are only read, an output is locked by its run. Local.
[[nodiscard]] H5Properties file_access(const std::filesystem::path& file);

}  // namespace dare::checkpoint::hdf5
