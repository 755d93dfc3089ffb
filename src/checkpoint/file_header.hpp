#pragma once
/// What the header of one weight file tells.

#include <dare/checkpoint/header.hpp>
#include <dare/core/file.hpp>

#include <string>
#include <vector>

namespace dare::checkpoint {

struct FileHeader {
  InputFile file;
  std::vector<TensorInfo> tensors;  ///< in file order
  std::string metadata;             ///< JSON text; empty for none
};

/// The file as it is now, its hash excepted: to be asked before it is read. Local. @throws IoError
[[nodiscard]] InputFile state_of(const File& file, std::string name);

}  // namespace dare::checkpoint
