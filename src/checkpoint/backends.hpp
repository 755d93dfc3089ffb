#pragma once
/// The formats behind the seam: each has the same functions, and header.cpp, reader.cpp and output.cpp choose between them.

#include "checkpoint/folder.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/checkpoint/output.hpp>
#include <dare/checkpoint/reader.hpp>

namespace dare::checkpoint {

/// What a tensor takes in an output. Pure. @throws InputError  no whole number of bytes below 2^60.
[[nodiscard]] std::uint64_t bytes_of(const OutputTensor& tensor);

namespace safetensors {

[[nodiscard]] folder::Form form();
[[nodiscard]] std::vector<SourceHeader> read_source_headers(const Header& header);
[[nodiscard]] std::unique_ptr<CheckpointReader> open(const Header& header);  ///< Local.
[[nodiscard]] OutputLayout plan(OutputKind kind, const OutputSpec& spec);
[[nodiscard]] OutputLayout create(const std::filesystem::path& root, OutputKind kind, const OutputSpec& spec);

}  // namespace safetensors

namespace pytorch {

[[nodiscard]] folder::Form form();
[[nodiscard]] std::unique_ptr<CheckpointReader> open(const Header& header);  ///< Local.

}  // namespace pytorch

namespace hdf5 {

[[nodiscard]] Header read_header(const std::filesystem::path& file);
[[nodiscard]] std::vector<std::byte> read_side_file(const Header& header, const std::string& name);
[[nodiscard]] std::vector<SourceHeader> read_source_headers(const Header& header);
[[nodiscard]] std::unique_ptr<CheckpointReader> open(const Header& header, const comm::Communicator& world);  ///< Collective over `world`.
[[nodiscard]] OutputLayout plan(const OutputSpec& spec);
[[nodiscard]] OutputLayout create(const std::filesystem::path& file, const OutputSpec& spec);

}  // namespace hdf5

}  // namespace dare::checkpoint
