#include <dare/merge/method.hpp>

#include <array>
#include <cmath>

namespace dare::merge {
namespace {

constexpr std::array k_methods{
    Method{"dare_linear", Sparsifier::dare, Rescale::expected, Combiner::task_arithmetic, false,
           "drop deltas at random, rescale the rest, add them up"},
    Method{"task_arithmetic", Sparsifier::none, Rescale::none, Combiner::task_arithmetic, false, "add up whole deltas"},
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

std::optional<Rescale> rescale_named(std::string_view name) noexcept {
  for (const auto rescale : {Rescale::none, Rescale::expected, Rescale::l1}) {
    if (merge::name(rescale) == name) return rescale;
  }
  return std::nullopt;
}

std::string_view name(Rescale rescale) noexcept {
  return rescale == Rescale::none ? "none" : rescale == Rescale::expected ? "expected" : "l1";
}

std::uint64_t Rate::kept_of(std::uint64_t n) const noexcept {
  const auto count = [n](double share) { return static_cast<std::uint64_t>(std::floor(static_cast<double>(n) * share + 0.5)); };
  return density_given ? count(density) : n - count(drop);
}

}  // namespace dare::merge
