#include "compare/pairs.hpp"

#include "recipe/match.hpp"

#include <dare/core/shape.hpp>

#include <algorithm>

namespace dare::compare {
namespace {

using checkpoint::Header;
using checkpoint::TensorInfo;

Pair pair_of(std::uint32_t a, std::uint32_t b, const TensorInfo& first, const TensorInfo& second) {
  return {a, b, std::min(first.elements, second.elements), first.shape.empty() ? 1 : std::max<std::uint64_t>(first.shape.back(), 1)};
}

std::vector<std::uint32_t> unused(const std::vector<bool>& used) {
  std::vector<std::uint32_t> positions;
  for (std::uint32_t t = 0; t < used.size(); ++t) {
    if (!used[t]) positions.push_back(t);
  }
  return positions;
}

}  // namespace

Pairing by_name(const Header& a, const Header& b) {
  Pairing pairing;
  std::vector<bool> used(b.tensors.size(), false);
  for (std::uint32_t t = 0; t < a.tensors.size(); ++t) {
    const auto& tensor = a.tensors[t];
    const auto* other = b.find(tensor.name);
    if (other == nullptr) {
      pairing.only_a.push_back(t);
      continue;
    }
    const auto position = static_cast<std::uint32_t>(other - b.tensors.data());
    used[position] = true;
    (tensor.shape == other->shape ? pairing.pairs : pairing.of_other_shape).push_back(pair_of(t, position, tensor, *other));
  }
  pairing.only_b = unused(used);
  return pairing;
}

Pairing with_base(const Header& model, const Header& base) {
  Pairing pairing;
  const recipe::Matcher matcher{base, model};
  std::vector<bool> used(model.tensors.size(), false);
  for (std::uint32_t t = 0; t < base.tensors.size(); ++t) {
    const auto& tensor = base.tensors[t];
    const auto match = matcher.find(tensor);
    if (!match || match->how == recipe::Match::How::tied) {
      pairing.only_b.push_back(t);
      continue;
    }
    used[match->tensor] = true;
    const auto& other = model.tensors[match->tensor];
    const auto pair = pair_of(match->tensor, t, other, tensor);
    if (!differ_in_rows_alone(tensor.shape, other.shape) && tensor.shape != other.shape) pairing.of_other_shape.push_back(pair);
    else if (is_floating(tensor.dtype) && is_floating(other.dtype)) pairing.pairs.push_back(pair);
  }
  pairing.only_a = unused(used);
  return pairing;
}

}  // namespace dare::compare
