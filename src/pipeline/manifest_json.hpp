#pragma once
/// What all readers of manifests share.

#include <nlohmann/json.hpp>

#include <functional>
#include <string_view>

namespace dare::pipeline {

/// Takes an entry of a manifest's `tensors`. @param of_deltas  the manifest is of delta checkpoints, which the entries then are
using TakeTensor = std::function<void(const nlohmann::ordered_json& entry, bool of_deltas)>;

/// Parses a manifest, or whatever the text is: it may be anything. Of `tensors`, of which there may be very many, the list stays empty:
/// each entry that is an object goes to `take`, which may throw. Pure.
/// @throws JsonError  it is no JSON, or exceeds JsonBounds.
[[nodiscard]] nlohmann::ordered_json parse_manifest_json(std::string_view text, const TakeTensor& take = {});

}  // namespace dare::pipeline
