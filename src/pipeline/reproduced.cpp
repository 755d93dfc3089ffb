#include "pipeline/reproduced.hpp"

#include "core/printable.hpp"

#include <dare/core/plural.hpp>
#include <dare/core/tensor_size.hpp>
#include <dare/pipeline/output_paths.hpp>
#include <dare/plan/grid.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace dare::pipeline {
namespace {

std::string quoted(const std::string& tensor) {
  return fmt::format("tensor \"{}\"", printable(tensor));
}

// The solver's last bits are the build's.
bool solves(const Product& product) {
  return std::any_of(product.job.tasks.begin(), product.job.tasks.end(),
                     [](const auto& task) { return task.settings.combiner == merge::Combiner::regmean; });
}

std::string reason(const Work& work, const Product& product) {
  const auto& manifest = product.record->manifest;
  if (solves(product)) return "the last bits of regmean are those of a build and a processor: dare-diff tells how large the difference is";
  if (!records_contents(manifest)) {
    return fmt::format(
        "either an input has other weights than then under an equal header, which this manifest cannot tell, for it was made "
        "without --hash-inputs; or {} computes otherwise",
        manifest.program);
  }
  if (work.content_hashes.empty()) {
    return fmt::format(
        "either an input has other weights than then under an equal header, which --hash-inputs would tell; or {} computes "
        "otherwise",
        manifest.program);
  }
  return fmt::format(
      "the inputs are those of then to the last byte, so {} computes otherwise, or a machine is broken; dare-verify reads "
      "the output again",
      manifest.program);
}

}  // namespace

std::string blocks_that_differ(const Manifest& now, const Manifest& before) {
  std::unordered_map<std::string_view, const ManifestTensor*> recorded;
  for (const auto& tensor : before.tensors) recorded.emplace(tensor.name, &tensor);
  std::uint64_t blocks = 0;
  std::uint64_t differing = 0;
  std::string first;
  for (const auto& tensor : now.tensors) {
    const auto found = recorded.find(tensor.name);
    if (found == recorded.end()) return quoted(tensor.name) + " is not among those recorded";
    const auto& other = *found->second;
    if (tensor.dtype != other.dtype || tensor.shape != other.shape) {
      return fmt::format("{} is {}, recorded is {}", quoted(tensor.name), dtype_and_shape(tensor), dtype_and_shape(other));
    }
    for (std::size_t b = 0; b < tensor.blocks.size(); ++b) {
      if (tensor.blocks[b] == other.blocks[b]) continue;
      if (differing++ != 0) continue;
      const auto from = b * plan::k_block_elements;
      first = fmt::format("{}, elements {} to {}", quoted(tensor.name), from, std::min(from + plan::k_block_elements, tensor.elements) - 1);
    }
    blocks += tensor.blocks.size();
    recorded.erase(found);
  }
  if (!recorded.empty()) {
    const auto lost =
        std::find_if(before.tensors.begin(), before.tensors.end(), [&](const auto& one) { return recorded.contains(one.name); });
    return quoted(lost->name) + " is recorded and was not made";
  }
  return differing == 0 ? "" : fmt::format("{} of {} differ, the first in {}", differing, plural(blocks, "block"), first);
}

std::optional<std::string> held_against_record(const Work& work) {
  const auto& product = work.products.front();
  if (!product.record || product.record->manifest.deltas) return std::nullopt;
  return blocks_that_differ(read_manifest(OutputPaths{product.output}.manifest), product.record->manifest);
}

std::string not_reproduced(const Work& work, const std::string& difference) {
  const auto& product = work.products.front();
  return fmt::format("{}: is complete, but not the output that {} records: {}; {}", product.output.string(), product.record->file.string(),
                     difference, reason(work, product));
}

}  // namespace dare::pipeline
