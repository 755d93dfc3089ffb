#pragma once
/// An .h5 checkpoint that holds no weights: its datasets lie in safetensors files, in place.

#include <dare/checkpoint/header.hpp>

#include <filesystem>

namespace dare::checkpoint {

/// Makes the new file `view` over the safetensors files that `source` describes, forced to the disk: kilobytes, whatever the model's size.
/// The files are named by paths relative to `view`'s folder: both may move together, or `view` be renamed within its folder. Their sizes
/// and header hashes are recorded, and checked by read_header. h5dump and h5py find the data when the environment variable
/// HDF5_EXTFILE_PREFIX is `${ORIGIN}`. Side files are copied into the view. Local.
/// @param whole  `source` has all tensors of its files under their own names; else the view forgets the files' headers, as no checkpoint of
///               its tensors can have them.
/// @throws UsageError  `source` is not in safetensors form.
/// @throws IoError     `view` exists or cannot be made.
void create_link_view(const std::filesystem::path& view, const Header& source, bool whole = true);

}  // namespace dare::checkpoint
