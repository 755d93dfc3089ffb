#include <dare/checkpoint/reader.hpp>

#include "checkpoint/backends.hpp"

namespace dare::checkpoint {

std::unique_ptr<CheckpointReader> open(const Header& header, const comm::Communicator& world) {
  if (header.format == Format::hdf5) return hdf5::open(header, world);
  std::unique_ptr<CheckpointReader> reader;
  world.agree([&] { reader = header.format == Format::pytorch ? pytorch::open(header) : safetensors::open(header); });
  return reader;
}

}  // namespace dare::checkpoint
