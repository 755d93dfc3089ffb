#pragma once
/// When inputs were last changed: a model that was trained again has the same header and size.

#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace dare::pipeline {

/// A time in UTC, to the nanosecond, as `touch -d` takes it. Pure. @param ns  since 1970.
[[nodiscard]] std::string time_text(std::int64_t ns);

/// A file that an input has and that was changed after another file was. Nothing where the contents were hashed, or the other file is not
/// there. Local.
[[nodiscard]] std::optional<std::filesystem::path> changed_after(const Work& work, const std::filesystem::path& other);

}  // namespace dare::pipeline
