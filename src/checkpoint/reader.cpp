#include <dare/checkpoint/reader.hpp>

#include "checkpoint/formats.hpp"

namespace dare::checkpoint {

std::unique_ptr<CheckpointReader> open(const Header& header, const comm::Communicator& world) {
  return row_of(header.format).open(header, world);
}

}  // namespace dare::checkpoint
