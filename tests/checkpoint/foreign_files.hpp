#pragma once
/// HDF5 files as other programs make them.

#include "checkpoint/h5_handle.hpp"

#include <array>
#include <filesystem>
#include <functional>
#include <numeric>
#include <vector>

namespace dare::test {

using checkpoint::hdf5::Doing;
using checkpoint::hdf5::H5Dataset;
using checkpoint::hdf5::H5File;
using checkpoint::hdf5::H5Group;
using checkpoint::hdf5::H5Properties;
using checkpoint::hdf5::H5Space;
using checkpoint::hdf5::H5Type;

inline const std::filesystem::path k_nowhere;
inline const Doing k_make{k_nowhere, "make"};

inline std::vector<double> counting(std::size_t n) {
  std::vector<double> values(n);
  std::iota(values.begin(), values.end(), -3.0);
  return values;
}

inline H5Properties intermediate_groups() {
  H5Properties links{H5Pcreate(H5P_LINK_CREATE), k_make};
  check(H5Pset_create_intermediate_group(links.get(), 1), k_make);
  return links;
}

// HDF5 itself converts -3, -2, ... to the type of the file.
inline void add(hid_t file, const char* path, hid_t type, const std::vector<hsize_t>& extents, hid_t creation = H5P_DEFAULT) {
  const auto links = intermediate_groups();
  const H5Space space{extents.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                      k_make};
  const H5Dataset made{H5Dcreate2(file, path, type, space.get(), links.get(), creation, H5P_DEFAULT), k_make};
  const auto values = counting(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
  check(H5Dwrite(made.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), k_make);
}

inline void make(const std::filesystem::path& path, const std::function<void(hid_t)>& fill) {
  const H5File file{H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), k_make};
  fill(file.get());
}

/// Every layout, byte order and class that occurs.
inline void add_all_kinds(hid_t file) {
  add(file, "model/dense/kernel:0", H5T_IEEE_F32LE, {17, 5});
  add(file, "model/dense/bias:0", H5T_IEEE_F64BE, {23});
  add(file, "count", H5T_STD_I16BE, {});
  add(file, "empty", H5T_IEEE_F32BE, {0, 4});
  const H5Properties chunked{H5Pcreate(H5P_DATASET_CREATE), k_make};
  const std::vector<hsize_t> chunk{5, 4};
  check(H5Pset_chunk(chunked.get(), 2, chunk.data()), k_make);
  add(file, "chunked", H5T_STD_I32LE, {19, 13}, chunked.get());
  check(H5Pset_shuffle(chunked.get()), k_make);
  check(H5Pset_deflate(chunked.get(), 4), k_make);
  check(H5Pset_fletcher32(chunked.get()), k_make);
  add(file, "compressed", H5T_IEEE_F32BE, {101, 29}, chunked.get());
  const H5Properties compact{H5Pcreate(H5P_DATASET_CREATE), k_make};
  check(H5Pset_layout(compact.get(), H5D_COMPACT), k_make);
  add(file, "compact", H5T_STD_U8LE, {3}, compact.get());
  // What is no weight: text, a named type, an enumeration, a null space.
  const H5Type text{H5Tcopy(H5T_C_S1), k_make};
  check(H5Tset_size(text.get(), 9), k_make);
  const H5Space scalar{H5Screate(H5S_SCALAR), k_make};
  const H5Dataset skipped{H5Dcreate2(file, "text", text.get(), scalar.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_make};
  check(H5Tcommit2(file, "type", text.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_make);
  const H5Space null{H5Screate(H5S_NULL), k_make};
  const H5Dataset nothing{H5Dcreate2(file, "null", H5T_IEEE_F32LE, null.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_make};
}

/// h5py's boolean, true, at /flag.
inline void add_flag(hid_t file) {
  const H5Type boolean{H5Tenum_create(H5T_STD_I8LE), k_make};
  const std::array<signed char, 2> values{0, 1};
  check(H5Tenum_insert(boolean.get(), "FALSE", &values[0]), k_make);
  check(H5Tenum_insert(boolean.get(), "TRUE", &values[1]), k_make);
  const H5Space scalar{H5Screate(H5S_SCALAR), k_make};
  const H5Dataset flag{H5Dcreate2(file, "flag", boolean.get(), scalar.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_make};
  check(H5Dwrite(flag.get(), boolean.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &values[1]), k_make);
}

}  // namespace dare::test
