#include "checkpoint/h5_handle.hpp"

#include <fmt/format.h>

namespace dare::checkpoint::hdf5 {
namespace {

// The walk begins at the call that failed first: the one that knows the reason.
herr_t take_first(unsigned, const H5E_error2_t* error, void* text) {
  if (error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 1;
}

std::string text_of(const Doing& doing) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &reason);
  H5Eclear2(H5E_DEFAULT);
  const auto object = doing.object.empty() ? std::string{} : fmt::format(" \"{}\"", doing.object);
  return fmt::format("{}: HDF5 cannot {}{}: {}", doing.file.string(), doing.what, object, reason.empty() ? "no reason given" : reason);
}

}  // namespace

Hdf5Error::Hdf5Error(const Doing& doing) : IoError{text_of(doing)} {}

void silence() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

H5Properties file_access(const std::filesystem::path& file) {
  H5Properties access{H5Pcreate(H5P_FILE_ACCESS), {file, "make an access list"}};
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  check(H5Pset_file_locking(access.get(), false, true), {file, "turn file locks off"});
#endif
  return access;
}

H5File open_serial(const std::filesystem::path& file) {
  silence();
  const auto access = file_access(file);
  return {H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.get()), {file, "open"}};
}

}  // namespace dare::checkpoint::hdf5
