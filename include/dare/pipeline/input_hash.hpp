#pragma once
/// Hashes of whole input files, for a manifest that shall prove what was read.

#include <dare/comm/communicator.hpp>

#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::pipeline {

/// Pieces of a file that are hashed on their own: ranks share a file by them.
inline constexpr std::uint64_t k_hash_piece = std::uint64_t{64} << 20U;

/// For each input and each of its files 32 hexadecimal digits: XXH3-128 of the XXH3-128s (canonical bytes) of its pieces of 64 MiB. Reads
/// every input once more. Collective. @throws comm::AgreedError
[[nodiscard]] std::vector<std::vector<std::string>> hash_inputs(const Work& work, const comm::Communicator& world);

}  // namespace dare::pipeline
