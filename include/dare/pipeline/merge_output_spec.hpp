#pragma once
/// From a recipe and the headers it names to all of a merge's output but the weights.

#include <dare/checkpoint/output.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/recipe/recipe.hpp>

#include <cstdint>
#include <map>

namespace dare::pipeline {

/// Rows of the frame's tensors that models made longer, and of the output's: a vocabulary's size, among others. Where tensors of equally
/// many rows got unlike numbers there is no answer. Pure.
[[nodiscard]] std::map<std::uint64_t, std::uint64_t> longer_rows(const checkpoint::Header& frame, const recipe::MergeJob& job);

/// The frame's own side files and metadata, with the type that the output really has. Local.
/// @throws IoError  a side file cannot be read.
[[nodiscard]] checkpoint::OutputSpec merge_output_spec(const Work& work, const Product& product, const recipe::Recipe& recipe,
                                                       const RunOptions& run);

}  // namespace dare::pipeline
