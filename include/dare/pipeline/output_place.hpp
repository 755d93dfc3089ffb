#pragma once
/// What can be refused of the place of an output before a weight is read. Local: rank 0 alone.

#include <dare/checkpoint/header.hpp>
#include <dare/pipeline/output_paths.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/sources.hpp>

#include <cstdint>
#include <filesystem>

namespace dare::pipeline {

/// Refuses an output that exists, or its manifest alone, a parent that is no folder, a name too long for what is built beside it, and too
/// little space.
/// @param bytes  that will be written; 0: the space is not looked at.
/// @throws Error
void check_output(const std::filesystem::path& output, const RunOptions& options, std::uint64_t bytes);

/// Refuses a folder for the output that is not there, or where nothing can be made. @throws InputError
void check_output_folder(const std::filesystem::path& output);

/// Before anything is made. @throws InputError  the output's file system has less than `bytes` free.
void require_space(const std::filesystem::path& output, std::uint64_t bytes);

/// Whether an empty file or folder at the output's place only holds its name: where a file system cannot rename without replacing, a run
/// makes one before it renames, and may be killed between.
[[nodiscard]] bool is_name_alone(const OutputPaths& paths);

/// The output may neither be, hold or lie in an input that the recipe names, nor be or hold a file that is read for it, such as the target
/// of a link view: --overwrite would take the inputs away. @throws UsageError
void refuse_output_among_inputs(const Sources& sources, const std::filesystem::path& output);

/// The output may not be or hold one of the input's files. @throws UsageError
void refuse_output_over(const checkpoint::Header& input, const std::filesystem::path& output);

}  // namespace dare::pipeline
