#include "pipeline/convert/delta_parts.hpp"

#include "checkpoint/kept_mask.hpp"
#include "recipe/match.hpp"

#include <dare/core/error.hpp>
#include <dare/core/plural.hpp>
#include <dare/core/shape.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

namespace dare::pipeline {
namespace {

using checkpoint::TensorInfo;

bool fits(const TensorInfo& model, const TensorInfo& base) {
  if (is_floating(model.dtype) != is_floating(base.dtype)) return false;
  return model.shape == base.shape || differ_in_rows_alone(model.shape, base.shape);
}

std::string some(const std::vector<std::string>& names) {
  return fmt::format("{}, first \"{}\"", plural(names.size(), "tensor"), names.front());
}

}  // namespace

DeltaParts delta_parts(const checkpoint::Header& model, const checkpoint::Header& base) {
  DeltaParts result;
  const recipe::Matcher matcher{base, model};
  std::vector<bool> used(model.tensors.size(), false);
  std::vector<std::string> lacking;
  std::uint64_t entries = 0;
  for (const auto& tensor : base.tensors) {
    const auto match = matcher.find(tensor);
    if (!match) {
      lacking.push_back(tensor.name);
      continue;
    }
    if (tensor.name == checkpoint::k_kept_before) {
      throw InputError{fmt::format("{}: tensor \"{}\": delta checkpoints have a tensor of their own by that name; rename it in both models",
                                   base.root.string(), tensor.name)};
    }
    used[match->tensor] = true;
    const auto& own = model.tensors[match->tensor];
    if (!fits(own, tensor)) {
      throw InputError{fmt::format("{}: tensor \"{}\": {}, the base's {}; the models are not of one architecture", model.root.string(),
                                   own.name, dtype_and_shape(own), dtype_and_shape(tensor))};
    }
    result.parts.push_back({tensor.name, match->tensor, is_floating(own.dtype), entries});
    if (result.parts.back().packed) entries += checkpoint::kept_runs(own.elements);
  }
  if (result.parts.empty() && !base.tensors.empty()) {
    throw InputError{fmt::format("{}: no tensor of the base {} is in it: another architecture or another base", model.root.string(),
                                 base.root.string())};
  }
  if (!lacking.empty()) result.notes.push_back(fmt::format("{}: lacks {} of the base", model.root.string(), some(lacking)));
  std::vector<std::string> left;
  for (std::size_t t = 0; t < used.size(); ++t) {
    if (!used[t]) left.push_back(model.tensors[t].name);
  }
  if (!left.empty()) result.notes.push_back(fmt::format("{}: left out, since the base lacks them: {}", model.root.string(), some(left)));
  return result;
}

KeptCounts count_kept(const std::vector<DeltaPart>& parts, const checkpoint::Header& model, const checkpoint::DeltaMask& mask,
                      const plan::Grid& grid, const std::vector<plan::Share>& shares, const comm::Communicator& world) {
  std::vector<std::uint32_t> mine;
  std::optional<std::uint32_t> tensor;
  std::optional<checkpoint::KeptMask> kept;
  for (plan::TileCursor cursor{grid, shares[static_cast<std::size_t>(world.rank())], checkpoint::k_kept_run}; !cursor.done();) {
    const auto tile = cursor.next();
    if (!parts[tile.tensor].packed) continue;
    if (tensor != tile.tensor) kept.emplace(mask, parts[tile.tensor].name);
    tensor = tile.tensor;
    mine.push_back(static_cast<std::uint32_t>(kept->count(tile.first, tile.elements)));
  }
  const auto counts = world.all_gather(mine);  // shares are consecutive
  KeptCounts result;
  std::size_t next = 0;
  for (const auto& part : parts) {
    const auto elements = model.tensors[part.tensor].elements;
    std::uint64_t sum = part.packed ? 0 : elements;
    for (std::uint64_t first = 0; part.packed && first < elements; first += checkpoint::k_kept_run) {
      result.before.push_back(sum);
      sum += counts[next++];
    }
    result.in_all.push_back(sum);
  }
  return result;
}

}  // namespace dare::pipeline
