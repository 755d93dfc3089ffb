#include <dare/merge/method.hpp>

#include <array>

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

std::optional<Rescale> rescale_named(std::string_view name) noexcept {
  if (name == "none") return Rescale::none;
  if (name == "expected") return Rescale::expected;
  return std::nullopt;
}

std::string_view name(Rescale rescale) noexcept {
  return rescale == Rescale::none ? "none" : "expected";
}

}  // namespace dare::merge
