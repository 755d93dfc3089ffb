#pragma once
/// MPI's return codes as exceptions.

#include <dare/core/error.hpp>

#include <mpi.h>

#include <string>

namespace dare::comm {

/// @throws IoError  `code` is not MPI_SUCCESS; the text is `doing` and MPI's own reason.
inline void check(int code, const char* doing) {
  if (code == MPI_SUCCESS) return;
  std::string reason(MPI_MAX_ERROR_STRING, '\0');
  int length = 0;
  MPI_Error_string(code, reason.data(), &length);
  reason.resize(static_cast<std::size_t>(length));
  throw IoError{std::string{doing} + ": " + reason};
}

}  // namespace dare::comm
