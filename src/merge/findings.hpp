#pragma once
/// What the settings call an error, the lowest place first.

#include <dare/merge/run.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>

namespace dare::merge {

class Findings {
 public:
  explicit Findings(const TensorSettings& settings) : settings_{settings} {}

  /// @param bad  set where a value is not finite, whether that is an error or not; may be empty.
  template <class W>
  void check_input(std::span<const W> values, std::uint64_t first, int model, std::span<bool> bad, bool auxiliary = false) {
    // x - x is 0 for finite x, else NaN; the sums show any. Several side by side, as none waits for another.
    constexpr std::size_t k_sums = 16;
    std::array<W, k_sums> sums{};
    std::size_t done = 0;
    for (; done + k_sums <= values.size(); done += k_sums) {
      for (std::size_t j = 0; j < k_sums; ++j) sums[j] += values[done + j] - values[done + j];
    }
    for (; done < values.size(); ++done) sums[0] += values[done] - values[done];
    if (std::all_of(sums.begin(), sums.end(), [](W sum) { return sum == 0; })) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      if (!bad.empty()) bad[i] = true;
      if (settings_.nonfinite == Nonfinite::error)
        note({Finding::Kind::nonfinite_input, first + i, model, static_cast<double>(values[i]), auxiliary});
    }
  }
  /// Of two at one place the one that was noted first stands.
  void note(const Finding& finding) {
    if (!lowest_ || finding.index < lowest_->index) lowest_ = finding;
  }
  [[nodiscard]] const std::optional<Finding>& lowest() const noexcept { return lowest_; }

 private:
  const TensorSettings& settings_;
  std::optional<Finding> lowest_;
};

}  // namespace dare::merge
