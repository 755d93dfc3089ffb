#pragma once
/// What a folder without weights of the expected names may be.

#include <filesystem>
#include <string>

namespace dare::checkpoint::folder {

/// What to give instead of `folder`: the snapshot of a cache of the Hub, a folder of an adapter or a model in it, a file of weights in it.
/// Empty where nothing of that is there. Local.
[[nodiscard]] std::string meant_instead(const std::filesystem::path& folder);

}  // namespace dare::checkpoint::folder
