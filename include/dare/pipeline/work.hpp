#pragma once
/// What is to be computed, once everything about it is known and checked.

#include <dare/checkpoint/header.hpp>
#include <dare/checkpoint/output.hpp>
#include <dare/plan/grid.hpp>
#include <dare/recipe/job.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dare::pipeline {

struct Record;

/// One output of a run.
struct Product {
  recipe::MergeJob job;
  std::filesystem::path output;
  std::function<checkpoint::OutputSpec()> output_spec;  ///< rank 0 alone calls it: side files are read only there
  bool manifest = true;                                 ///< a record beside the output
  std::shared_ptr<const Record> record = {};            ///< rank 0's: of the merge that is made again, which it is to equal
};

/// The inputs, and all that is made of one read of them: a merge has one product, a sweep many. All products have tasks for the same
/// tensors of the frame, in the same shapes.
struct Work {
  checkpoint::Header frame;  ///< names, order and shapes of the output's tensors: the base, or the first model where there is no base
  bool has_base = true;
  std::vector<checkpoint::Header> models;       ///< in the order of the recipe
  std::vector<checkpoint::Header> auxiliaries;  ///< one a model (Fisher weights, Gram matrices), or none
  std::vector<Product> products;
  std::vector<std::vector<std::string>> content_hashes = {};  ///< by input and file; empty unless they were asked for

  /// Checkpoints that are read: the base if there is one, then models, then auxiliaries.
  [[nodiscard]] std::size_t inputs() const noexcept { return first_model() + models.size() + auxiliaries.size(); }
  [[nodiscard]] const checkpoint::Header& input(std::size_t i) const {
    if (i < first_model()) return frame;
    i -= first_model();
    return i < models.size() ? models[i] : auxiliaries[i - models.size()];
  }
  /// The input that a model of the recipe is; -1 is the base.
  [[nodiscard]] std::size_t input_of(std::int32_t model) const noexcept {
    return model < 0 ? 0 : first_model() + static_cast<std::size_t>(model);
  }
  [[nodiscard]] std::size_t auxiliary_of(std::int32_t model) const noexcept { return input_of(model) + models.size(); }

 private:
  [[nodiscard]] std::size_t first_model() const noexcept { return has_base ? 1 : 0; }
};

/// Calls f(input, tensor) for each tensor of an input that a task reads, its auxiliaries among them, once.
template <class F>
void for_each_read(const Work& work, const recipe::TensorTask& task, F&& f) {
  if (work.has_base || task.action != recipe::TensorTask::Action::merge) f(std::size_t{0}, task.tensor);
  for (const auto& input : task.inputs) {
    if (input.model >= 0) f(work.input_of(input.model), input.tensor);  // else the base, which was named
    if (input.auxiliary) f(work.auxiliary_of(input.model), *input.auxiliary);
  }
}

/// Bytes of the files that reading the whole tensor takes: fewer than its own where only a delta or the factors of a change are stored.
[[nodiscard]] std::uint64_t stored_bytes(const checkpoint::Header& header, std::uint32_t tensor);

/// The names, types and shapes of a product's tensors, in file order.
[[nodiscard]] std::vector<checkpoint::OutputTensor> output_tensors(const Work& work, const Product& product);

/// The grid over the frame's tensors, with what all products together move.
[[nodiscard]] plan::Grid grid_of(const Work& work);

/// Whether the recipe keeps what is no finite number: then there is a count of it.
[[nodiscard]] bool keeps_nonfinite(const Product& product);

/// Bits of an element of each of a product's tensors.
[[nodiscard]] std::vector<std::uint64_t> write_bits(const Product& product, const Work& work);

}  // namespace dare::pipeline
