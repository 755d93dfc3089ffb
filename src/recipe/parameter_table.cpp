#include "recipe/parameter_table.hpp"

#include <algorithm>
#include <array>

namespace dare::recipe {
namespace {

using P = merge::Parameter;
using Of = Parameters;
using All = MethodParameters;

constexpr auto k_by_sparsifier = std::nullopt;
constexpr Range k_none{};
constexpr Range k_share{0, 1, "[0, 1]"};
constexpr Range k_steps{1, 1'000'000, "[1, 1000000]"};
constexpr Range k_not_negative{0, k_finite.high, "the finite numbers from 0"};

// key, member, who takes it, range; of the option: name of its value, help, default
constexpr std::array k_parameters{
    ParameterRow{"weight", &Of::weight, P::weight, k_finite, "W", "factor of its delta", "1"},
    ParameterRow{k_drop_rate, &Of::drop_rate, k_by_sparsifier, k_share, "P", "share of delta elements to drop, 0 to 1", ""},
    ParameterRow{k_density, &Of::density, k_by_sparsifier, k_share, "D", "share to keep, instead of --drop-rate", ""},
    ParameterRow{"rescale", &Of::rescale, k_by_sparsifier, k_none, "R", "factor of what is kept", "the method's"},
    ParameterRow{"gamma", &Of::gamma, P::gamma, k_share, "G", "breadcrumbs: share of the largest deltas to drop", "0.01"},
    ParameterRow{"epsilon", &Of::epsilon, P::epsilon, k_share, "E", "della: spread of the drop rates within a row", "0.15"},
    ParameterRow{"lambda", &All::lambda, P::lambda, k_finite, "L", "factor of the whole sum of deltas", "1"},
    ParameterRow{"normalize", &All::normalize, P::normalize, k_none, "", "divide by the sum of the weights", ""},
    ParameterRow{"sign", &All::sign, P::sign, k_none, "S", "ties: deltas that elect the sign", "weighted"},
    ParameterRow{"scope", &All::scope, P::scope, k_none, "S", "magnitude: keep the largest of each tensor, or of the model", "tensor"},
    ParameterRow{"t", &All::t, P::t, k_share, "T", "slerp, nearswap: how far to go from the base to the model", ""},
    ParameterRow{"select_topk", &All::select_topk, P::select_topk, k_share, "K", "sce: share of elements selected by variance", "1"},
    ParameterRow{"max_iter", &All::max_iter, P::max_iter, k_steps, "N", "karcher: steps at most", "10"},
    ParameterRow{"tol", &All::tol, P::tol, k_not_negative, "T", "karcher: the step that ends them", "1e-5"},
    ParameterRow{"filter_wise", &All::filter_wise, P::filter_wise, k_none, "", "model_stock: a weight per row, not per tensor", ""},
    ParameterRow{"alpha", &All::alpha, P::alpha, k_share, "A", "regmean: factor of off-diagonal elements of Gram matrices", "1"}};

}  // namespace

std::span<const ParameterRow> parameters() noexcept {
  return k_parameters;
}

const ParameterRow* find_parameter(std::string_view key) noexcept {
  const auto* const found = std::find_if(k_parameters.begin(), k_parameters.end(), [&](const auto& row) { return row.key == key; });
  return found == k_parameters.end() ? nullptr : found;
}

std::string option_of(const ParameterRow& row) {
  std::string name{row.key};
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace dare::recipe
