#include <dare/checkpoint/reader.hpp>

#include "checkpoint/delta_reader.hpp"
#include "checkpoint/formats.hpp"

namespace dare::checkpoint {

std::unique_ptr<CheckpointReader> open(const Header& header, const comm::Communicator& world) {
  auto reader = row_of(header.format).open(header, world);
  return header.delta ? unpacking(header, std::move(reader)) : std::move(reader);
}

}  // namespace dare::checkpoint
