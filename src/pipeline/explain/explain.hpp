#pragma once
/// dare-merge --explain: how one element of the output comes about, as text or JSON.

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/merge.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/recipe/recipe.hpp>

namespace dare::pipeline {

/// Prints, on rank 0, how the element that options.explain names comes about. Of the weights only what that takes is read: the element, its
/// row, or, where the method needs statistics, its tensor (with `scope: model`: all tensors). Collective.
/// @throws comm::AgreedError  no such element; an input cannot be read
void explain(const Work& work, const recipe::Recipe& recipe, const MergeOptions& options, const comm::Communicator& world);

}  // namespace dare::pipeline
