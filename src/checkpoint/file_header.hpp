#pragma once
/// What the header of one weight file tells.

#include <dare/checkpoint/header.hpp>

#include <string>
#include <vector>

namespace dare::checkpoint {

struct FileHeader {
  InputFile file;
  std::vector<TensorInfo> tensors;  ///< in file order
  std::string metadata;             ///< JSON text; empty for none
};

}  // namespace dare::checkpoint
