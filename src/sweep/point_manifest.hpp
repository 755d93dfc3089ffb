#pragma once
/// What the manifest of a point's output tells.

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace dare::sweep {

/// Local. @throws IoError  @throws InputError  it is no manifest, or what is read of it here is of other types.
[[nodiscard]] nlohmann::ordered_json read_manifest(const std::filesystem::path& manifest);

/// XXH3-128 over the hashes of the output's blocks. Pure.
[[nodiscard]] std::string hash_in(const nlohmann::ordered_json& manifest);

/// XXH3-128 over the hashes of an output's blocks, as its manifest has them. Local. @throws IoError  @throws InputError  it is no manifest.
[[nodiscard]] std::string hash_in_manifest(const std::filesystem::path& manifest);

/// The statistics that a record of the output has; one of an earlier version knows no elements. Pure.
[[nodiscard]] nlohmann::ordered_json statistics_in(const nlohmann::ordered_json& manifest);

/// Whether the inputs' contents were hashed. Pure.
[[nodiscard]] bool has_contents(const nlohmann::ordered_json& manifest);

/// What differs between two manifests that the bytes depend on, as pipeline::difference(). The program's version is no such thing, and
/// contents can only be compared where both runs have hashed them. Pure.
[[nodiscard]] std::string difference_of(nlohmann::ordered_json now, nlohmann::ordered_json before);

}  // namespace dare::sweep
