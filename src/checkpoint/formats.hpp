#pragma once
/// The one table of input formats.

#include "checkpoint/backends.hpp"

#include <string_view>

namespace dare::checkpoint {

struct InputFormat {
  Format format;
  std::string_view name;  ///< for people
  Header (*read_header)(const std::filesystem::path& path);
  std::vector<std::byte> (*read_side_file)(const Header& header, const std::string& name);
  std::vector<SourceHeader> (*read_source_headers)(const Header& header);
  std::unique_ptr<CheckpointReader> (*open)(const Header& header, const comm::Communicator& world);  ///< Collective over `world`.
};

/// The row for an existing file, by its ending, or folder. @throws InputError  no format has that ending.
[[nodiscard]] const InputFormat& format_for(const std::filesystem::path& path, bool is_folder);
/// The row of a format.
[[nodiscard]] const InputFormat& row_of(Format format);

}  // namespace dare::checkpoint
