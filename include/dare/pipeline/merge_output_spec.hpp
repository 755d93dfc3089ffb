#pragma once
/// From a recipe and the headers it names to all of a merge's output but the weights.

#include <dare/checkpoint/output.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/recipe/recipe.hpp>

namespace dare::pipeline {

/// The frame's own side files and metadata, with the type that the output really has. Local.
/// @throws IoError  a side file cannot be read.
[[nodiscard]] checkpoint::OutputSpec merge_output_spec(const Work& work, const Product& product, const recipe::Recipe& recipe,
                                                       const RunOptions& run);

}  // namespace dare::pipeline
