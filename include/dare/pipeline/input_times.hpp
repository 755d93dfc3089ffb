#pragma once
/// When inputs were last changed: a model that was trained again has the same header and size.

#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dare::pipeline {

/// A time in UTC, to the nanosecond, as `touch -d` takes it. Pure. @param ns  since 1970.
[[nodiscard]] std::string time_text(std::int64_t ns);

/// Time of last change in ns since 1970; nothing where the file cannot be looked at. Local.
[[nodiscard]] std::optional<std::int64_t> changed_ns(const std::filesystem::path& file) noexcept;

/// What an output's bytes come from besides weights: the files that it gets from its frame, and the configurations of models, which say
/// whether they tie weights. Those within an HDF5 file change with it. Pure.
[[nodiscard]] std::vector<std::filesystem::path> files_beside_weights(const Work& work);

/// A file that an input has and that was changed after another file was. Nothing where the contents were hashed, or the other file is not
/// there. Local.
[[nodiscard]] std::optional<std::filesystem::path> changed_after(const Work& work, const std::filesystem::path& other);

}  // namespace dare::pipeline
