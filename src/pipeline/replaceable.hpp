#pragma once
/// What --overwrite may remove: models and nothing else. Local.

#include <filesystem>
#include <string_view>

namespace dare::pipeline {

/// Does nothing where `path`, which exists, holds a model, part of one, or nothing at all. A folder with a manifest of this project may
/// hold any file (side files are copied from the base, whatever they are), any other only what model folders hold; no folder that is no
/// model.
/// @throws InputError  it holds something else; the text names it, and ends with `advice`.
void check_replaceable(const std::filesystem::path& path,
                       std::string_view advice = "--overwrite replaces models only, name another output");

}  // namespace dare::pipeline
