#pragma once
/// What all readers of manifests share.

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace dare::pipeline {

inline constexpr std::string_view k_manifest_format = "dare-manifest";  ///< its `format`

/// Takes an entry of a manifest's `tensors`. @param of_deltas  the manifest is of delta checkpoints, which the entries then are
using TakeTensor = std::function<void(const nlohmann::ordered_json& entry, bool of_deltas)>;

/// Parses a manifest, or whatever the text is: it may be anything. Of `tensors`, of which there may be very many, the list stays empty:
/// each entry that is an object goes to `take`, which may throw. Pure.
/// @throws JsonError  it is no JSON, or exceeds JsonBounds.
[[nodiscard]] nlohmann::ordered_json parse_manifest_json(std::string_view text, const TakeTensor& take = {});

/// Values of an object that stands at `path` of a manifest, such as "inputs[0]"; empty: the manifest itself. Pure.
/// @throws JsonError  the value is missing or of another type; the text has its whole path and what was found.
[[nodiscard]] const nlohmann::ordered_json& field(const nlohmann::ordered_json& object, const std::string& path, const char* key);
[[nodiscard]] std::string text_field(const nlohmann::ordered_json& object, const std::string& path, const char* key);
[[nodiscard]] std::uint64_t whole_field(const nlohmann::ordered_json& object, const std::string& path, const char* key);
[[nodiscard]] const nlohmann::ordered_json& list_field(const nlohmann::ordered_json& object, const std::string& path, const char* key);

}  // namespace dare::pipeline
