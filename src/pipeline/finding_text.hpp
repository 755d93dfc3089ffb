#pragma once
/// What a user is told of elements that the recipe calls an error. All pure.

#include <dare/core/error.hpp>
#include <dare/merge/run.hpp>
#include <dare/pipeline/work.hpp>

#include <cstdint>

namespace dare::pipeline {

/// A finding of a merge in one tensor's elements.
[[nodiscard]] InputError refusal(const Work& work, const recipe::TensorTask& task, const merge::Finding& finding);

/// An element of a tensor that is copied, which in one input is not the frame's.
/// @param input  its number; see Work::input().
[[nodiscard]] InputError unequal_integer(const Work& work, const recipe::TensorTask& task, std::size_t input, std::uint64_t index);

/// A frame's element that its output type does not hold; `value` may be infinite.
[[nodiscard]] InputError lost_in_conversion(const Work& work, const recipe::TensorTask& task, std::uint64_t index, double value);

}  // namespace dare::pipeline
