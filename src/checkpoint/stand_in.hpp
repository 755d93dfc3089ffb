#pragma once
/// What stands where a file should be: a pointer of git-lfs, a web page, a GGUF file, or nothing.

#include <dare/checkpoint/header.hpp>

#include <filesystem>
#include <string_view>

namespace dare::checkpoint {

/// Refuses GGUF, whatever its name is. @param file  as the message names it  @throws InputError
[[noreturn]] void refuse_gguf(const std::filesystem::path& file);

/// Refuses a file that is empty, an HTML page, GGUF or a pointer of git-lfs. Reads its first bytes alone. Local.
/// @throws InputError  saying what to do
/// @throws IoError     it cannot be read.
void refuse_stand_in(const std::filesystem::path& path);

/// The same of a pointer of git-lfs alone, for files that may be empty or pages. @param text  the file's bytes, or its first ones.
/// @throws InputError
void refuse_pointer(const std::filesystem::path& path, std::string_view text);

/// The same of the files beside a model's weights that programs need to load it (companion_files()), before they are copied to an output.
/// Local. @throws InputError  one is a pointer, or cannot be read.
void refuse_pointers_beside(const Header& model);

}  // namespace dare::checkpoint
