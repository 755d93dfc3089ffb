#include "checkpoint/backends.hpp"
#include <dare/core/error.hpp>
namespace dare::checkpoint::hdf5 {
Header read_header(const std::filesystem::path&) { throw InputError{"no hdf5 yet"}; }
std::vector<std::byte> read_side_file(const Header&, const std::string&) { return {}; }
std::vector<SourceHeader> read_source_headers(const Header&) { return {}; }
std::unique_ptr<CheckpointReader> open(const Header&, const comm::Communicator&) { return nullptr; }
OutputLayout plan(const OutputSpec&) { throw InputError{"no hdf5 yet"}; }
OutputLayout create(const std::filesystem::path&, const OutputSpec&) { throw InputError{"no hdf5 yet"}; }
}
