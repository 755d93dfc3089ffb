#include "recipe/policy_table.hpp"

#include <array>

namespace dare::recipe {
namespace {

// key, member; of the option: name of its value, help
constexpr std::array k_policies{
    PolicyRow{"missing", &Recipe::missing, "M", "tensor that a model lacks"},
    PolicyRow{"rows", &Recipe::rows, "R", "other vocabulary size than the base's"},
    PolicyRow{"nonfinite", &Recipe::nonfinite, "N", "infinite or NaN inputs"},
    PolicyRow{"overflow", &Recipe::overflow, "O", "finite results too large for the output type"},
    PolicyRow{"rounding", &Recipe::rounding, "R", "to the output type (stochastic: for 16-bit outputs of 16-bit inputs)"},
    PolicyRow{"compat", &Recipe::compat, "C", "compute as that program does"}};

}  // namespace

std::span<const PolicyRow> policies() noexcept {
  return k_policies;
}

}  // namespace dare::recipe
