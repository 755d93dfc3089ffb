#pragma once
/// How many files the process may have open at a time. Local.

#include <cstdint>

namespace dare {

/// Raises the soft limit of open files to the hard one; where that is refused, the limit stays as it is.
void raise_open_file_limit() noexcept;
/// Takes that back, for a process that runs a program of someone else's: select() knows 1024 files, and some close all there may be.
void restore_open_file_limit() noexcept;

/// Files that may be open within the limit, some kept back for libraries, logs and MPI's connections; at least 1.
[[nodiscard]] std::uint64_t files_to_open() noexcept;

}  // namespace dare
