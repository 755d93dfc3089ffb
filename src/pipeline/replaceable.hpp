#pragma once
/// What --overwrite may remove: models and nothing else. Local.

#include <filesystem>
#include <string_view>

namespace dare::pipeline {

/// Does nothing where `path`, which exists, holds a model, part of one, or nothing at all. Of a folder's files only
/// weights, what its manifest says was written with them, and what published model folders hold; no folder that is no model.
/// @throws InputError  it holds something else; the text names it, and ends with `advice`.
void check_replaceable(const std::filesystem::path& path,
                       std::string_view advice = "--overwrite replaces models only, name another output");

}  // namespace dare::pipeline
