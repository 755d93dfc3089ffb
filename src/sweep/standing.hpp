#pragma once
/// What earlier runs of a sweep have done already.

#include "sweep/family.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dare::sweep {

enum class Standing : std::uint8_t { to_do, to_score, done };

/// Of a point's recipe, inputs, and form of output: two points of equal identity give equal outputs. Pure.
/// @param head  pipeline::manifest_head of the point.
[[nodiscard]] std::string identity_of(const std::string& head, const Settings& settings);

/// All of a point's manifest but the tensors, from its recipe alone. Pure.
/// @param inputs  inputs_of() the point's family.
[[nodiscard]] std::string head_of(const Specification& specification, const pipeline::Work& inputs, std::uint64_t point);

/// XXH3-128 over the hashes of an output's blocks, as its manifest has them. Local. @throws IoError  @throws InputError  it is no manifest.
[[nodiscard]] std::string hash_in_manifest(const std::filesystem::path& manifest);

/// Looks at records and manifests, and writes the records that a killed run had no time for. Local: rank 0 calls it.
/// @return one a point.
/// @throws InputError  lists points whose place is taken by something else, unless `overwrite`.
[[nodiscard]] std::vector<Standing> look_at_points(const Specification& specification, const std::vector<Family>& families,
                                                   const Places& places, bool overwrite);

}  // namespace dare::sweep
