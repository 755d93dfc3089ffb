#include <dare/merge/method.hpp>

#include <array>
#include <cmath>

namespace dare::merge {
namespace {

using C = Combiner;
using S = Sparsifier;
using R = Rescale;

constexpr auto k_required = BaseUse::required;
constexpr auto k_optional = BaseUse::optional;

// name, sparsifier, default rescale, combiner, default of normalize, summary, base, least and most models; of mergekit: default of
// normalize, whether it rescales
constexpr std::array k_methods{
    Method{"dare_linear", S::dare, R::expected, C::task_arithmetic, false, "drop deltas at random, rescale the rest, add them up",
           k_required, 1, k_any_number, false, true},
    Method{"dare_ties", S::dare, R::expected, C::ties, true, "drop deltas at random, rescale the rest, merge those of the elected sign",
           k_required, 1, k_any_number, false, true},
    Method{"dare_average", S::dare, R::expected, C::average, false, "drop deltas at random, rescale the rest, average the models"},
    Method{"dare_fisher", S::dare, R::expected, C::fisher, false, "drop deltas at random, rescale the rest, average by Fisher weights"},
    Method{"dare_regmean", S::dare, R::expected, C::regmean, false,
           "drop deltas at random, rescale the rest, merge by regression on Gram matrices"},
    Method{"task_arithmetic", S::none, R::none, C::task_arithmetic, false, "add up whole deltas"},
    Method{"ties", S::magnitude, R::none, C::ties, true, "keep the largest deltas, merge those of the elected sign", k_required, 1,
           k_any_number, true, true},
    Method{"magnitude_prune", S::magnitude, R::none, C::task_arithmetic, false, "keep the largest deltas, add them up"},
    Method{"breadcrumbs", S::breadcrumbs, R::none, C::task_arithmetic, false, "drop the largest and the smallest deltas, add up the rest",
           k_required, 1, k_any_number, false, true},
    Method{"breadcrumbs_ties", S::breadcrumbs, R::none, C::ties, true,
           "drop the largest and the smallest deltas, merge those of the elected sign", k_required, 1, k_any_number, false, true},
    Method{"della", S::della, R::expected, C::ties, true, "drop deltas at random, smaller ones more often, merge those of the elected sign",
           k_required, 1, k_any_number, true, true},
    Method{"della_linear", S::della, R::expected, C::task_arithmetic, false,
           "drop deltas at random, smaller ones more often, add up the rest", k_required, 1, k_any_number, false, true},
    Method{"linear", S::none, R::none, C::average, false, "average the models", k_optional},
    Method{"average", S::none, R::none, C::average, false, "average the models (another name of linear)", k_optional},
    Method{"fisher", S::none, R::none, C::fisher, false, "average the models by Fisher weights", k_optional},
    Method{"regmean", S::none, R::none, C::regmean, false, "merge linear layers by regression on Gram matrices, average the rest",
           k_optional},
    Method{"slerp", S::none, R::none, C::slerp, false, "go from the base to the model along the sphere", k_required, 1, 1},
    Method{"nearswap", S::none, R::none, C::nearswap, false, "go from the base to the model by at most t", k_required, 1, 1},
    Method{"model_stock", S::none, R::none, C::model_stock, false, "go from the base to the models' mean as far as their deltas agree",
           k_required, 2},
    Method{"sce", S::none, R::none, C::sce, false, "select by variance, weigh models by their deltas' size, erase minority signs"},
    Method{"karcher", S::none, R::none, C::karcher, false, "mean of the models on the sphere", k_optional},
};

}  // namespace

std::span<const Method> methods() noexcept {
  return k_methods;
}

const Method* find_method(std::string_view name) noexcept {
  for (const auto& method : k_methods) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

bool averages_models(const Method& method) noexcept {
  return method.combiner == C::average || method.combiner == C::fisher || method.combiner == C::regmean || method.combiner == C::karcher;
}

bool draws(const Method& method) noexcept {
  return method.sparsifier == S::dare || method.sparsifier == S::della;
}

bool takes(const Method& method, Parameter parameter) noexcept {
  const auto combiner = method.combiner;
  switch (parameter) {
    case Parameter::weight:
      return combiner != Combiner::slerp && combiner != Combiner::nearswap && combiner != Combiner::model_stock &&
             combiner != Combiner::sce;
    case Parameter::lambda:
      return combiner == Combiner::task_arithmetic || combiner == Combiner::ties;
    case Parameter::normalize:
      return combiner == Combiner::task_arithmetic || combiner == Combiner::ties;
    case Parameter::sign:
      return combiner == Combiner::ties;
    case Parameter::scope:
      return method.sparsifier == Sparsifier::magnitude;
    case Parameter::gamma:
      return method.sparsifier == Sparsifier::breadcrumbs;
    case Parameter::epsilon:
      return method.sparsifier == Sparsifier::della;
    case Parameter::t:
      return combiner == Combiner::slerp || combiner == Combiner::nearswap;
    case Parameter::select_topk:
      return combiner == Combiner::sce;
    case Parameter::max_iter:
    case Parameter::tol:
      return combiner == Combiner::karcher;
    case Parameter::filter_wise:
      return combiner == Combiner::model_stock;
    case Parameter::alpha:
      return combiner == Combiner::regmean;
  }
  return false;
}

std::uint64_t Rate::kept_of(std::uint64_t n) const noexcept {
  const auto count = [n](double share) { return static_cast<std::uint64_t>(std::floor(static_cast<double>(n) * share + 0.5)); };
  return density_given ? count(density) : n - count(drop);
}

}  // namespace dare::merge
