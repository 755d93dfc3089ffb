#pragma once
/// What all readers of manifests share.

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace dare::pipeline {

inline constexpr std::string_view k_manifest_format = "dare-manifest";  ///< its `format`
/// The end of a message on a manifest that is not as it was written.
inline constexpr std::string_view k_damaged_manifest = "the manifest is damaged, take it from where the output came from";

/// Takes an entry of a manifest's `tensors`. @param of_deltas  the manifest is of delta checkpoints, which the entries then are
using TakeTensor = std::function<void(const nlohmann::ordered_json& entry, bool of_deltas)>;

/// Parses a manifest, or whatever the text is: it may be anything. Of `tensors`, of which there may be very many, the list stays empty:
/// each entry that is an object goes to `take`, which may throw. Pure.
/// @throws JsonError  it is no JSON, or exceeds JsonBounds.
[[nodiscard]] nlohmann::ordered_json parse_manifest_json(std::string_view text, const TakeTensor& take = {});

}  // namespace dare::pipeline
