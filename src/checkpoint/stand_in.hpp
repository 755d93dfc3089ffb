#pragma once
/// What stands where a file should be: a pointer of git-lfs, a web page, a GGUF file, or nothing.

#include <filesystem>
#include <string_view>

namespace dare::checkpoint {

/// Refuses a file that is empty, an HTML page, GGUF or a pointer of git-lfs. Reads its first bytes alone. Local.
/// @throws InputError  saying what to do
/// @throws IoError     it cannot be read.
void refuse_stand_in(const std::filesystem::path& path);

/// The same of a pointer of git-lfs alone, for files that may be empty or pages. @param text  the file's bytes, or its first ones.
/// @throws InputError
void refuse_pointer(const std::filesystem::path& path, std::string_view text);

}  // namespace dare::checkpoint
