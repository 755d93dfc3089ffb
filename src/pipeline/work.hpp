#pragma once
/// What is to be computed, once everything about it is known and checked.

#include <dare/checkpoint/header.hpp>
#include <dare/checkpoint/output.hpp>
#include <dare/plan/grid.hpp>
#include <dare/recipe/job.hpp>

#include <functional>
#include <string>
#include <vector>

namespace dare::pipeline {

struct Work {
  checkpoint::Header base;
  std::vector<checkpoint::Header> models;
  recipe::MergeJob job;
  bool manifest = true;                                 ///< a record beside the output
  std::function<checkpoint::OutputSpec()> output_spec;  ///< rank 0 alone calls it: side files are read only there
};

/// The base for -1, else that model.
[[nodiscard]] inline const checkpoint::Header& input(const Work& work, int model) {
  return model < 0 ? work.base : work.models[static_cast<std::size_t>(model)];
}

/// The names, types and shapes that the tasks produce, in file order.
[[nodiscard]] std::vector<checkpoint::OutputTensor> output_tensors(const Work& work);

/// The grid over the tasks' tensors.
[[nodiscard]] plan::Grid grid_of(const Work& work);

}  // namespace dare::pipeline
