#pragma once
/// What MPI-IO made of a file.

#include "checkpoint/h5_handle.hpp"

#include <string>

namespace dare::checkpoint::hdf5 {

/// The hints in force for a file opened by the MPI-IO driver, as MPI grants them: "cb_nodes=1, striping_unit=1048576"; "none" where there
/// are none. For people: where a hint cannot be had the text says so. Local.
[[nodiscard]] std::string granted_hints(const H5File& file);

}  // namespace dare::checkpoint::hdf5
