#include "checkpoint/mpi_io_hints.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <array>

namespace dare::checkpoint::hdf5 {
namespace {

std::string text_of(MPI_Info info) {
  std::string text;
  int keys = 0;
  MPI_Info_get_nkeys(info, &keys);
  for (int i = 0; i < keys; ++i) {
    std::array<char, MPI_MAX_INFO_KEY + 1> key{};
    std::array<char, MPI_MAX_INFO_VAL + 1> value{};
    int found = 0;
    MPI_Info_get_nthkey(info, i, key.data());
    MPI_Info_get(info, key.data(), MPI_MAX_INFO_VAL, value.data(), &found);
    if (found != 0) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key.data(), value.data());
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string granted_hints(const H5File& file) {
  void* handle = nullptr;  // the driver's: an MPI_File*
  MPI_Info info = MPI_INFO_NULL;
  if (H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &handle) < 0 || handle == nullptr) return "not told by HDF5";
  if (MPI_File_get_info(*static_cast<MPI_File*>(handle), &info) != MPI_SUCCESS || info == MPI_INFO_NULL) return "not told by MPI";
  const auto text = text_of(info);
  MPI_Info_free(&info);
  return text;
}

}  // namespace dare::checkpoint::hdf5
