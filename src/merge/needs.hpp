#pragma once
/// What a tensor's settings ask of a survey: the one place for each question.

#include <dare/merge/settings.hpp>

namespace dare::merge {

/// Whether deltas are kept by their sizes.
[[nodiscard]] bool selects_by_size(const TensorSettings& settings) noexcept;
/// Whether a share of the elements is selected by the variance over the models (sce).
[[nodiscard]] bool selects_by_variance(const TensorSettings& settings) noexcept;
/// Whether a model is rescaled by l1.
[[nodiscard]] bool rescales_by_l1(const TensorSettings& settings) noexcept;

}  // namespace dare::merge
