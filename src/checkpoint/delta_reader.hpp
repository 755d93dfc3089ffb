#pragma once
/// Reading a delta checkpoint as the model it stands for.

#include <dare/checkpoint/reader.hpp>

#include <memory>

namespace dare::checkpoint {

/// A reader of header.tensors, which `stored` has packed. Local.
/// @pre header.delta; the header must outlive the reader.
[[nodiscard]] std::unique_ptr<CheckpointReader> unpacking(const Header& header, std::unique_ptr<CheckpointReader> stored);

}  // namespace dare::checkpoint
