#pragma once
/// From a recipe and the headers it names to work for the slice loop.

#include <dare/pipeline/run_options.hpp>

#include <dare/pipeline/sources.hpp>
#include <dare/pipeline/work.hpp>

namespace dare::pipeline {

/// All of a merge's output but the weights: the frame's own side files and metadata, with the type that the output really has. Local.
/// @throws IoError  a side file cannot be read.
[[nodiscard]] checkpoint::OutputSpec merge_output_spec(const Work& work, const Product& product, const recipe::Recipe& recipe,
                                                       const RunOptions& run);

/// The output may neither be, hold or lie in an input that the recipe names, nor be or hold a file that is read for it, such as the target
/// of a link view: --overwrite would take the inputs away. Local. @throws UsageError
void refuse_output_among_inputs(const Sources& sources, const std::filesystem::path& output);

/// The output may not be or hold one of the input's files. Local. @throws UsageError
void refuse_output_over(const checkpoint::Header& input, const std::filesystem::path& output);

}  // namespace dare::pipeline
