#pragma once
/// How one element of a merged tensor came about: every number that the arithmetic met on its way.

#include <dare/merge/run.hpp>
#include <dare/merge/settings.hpp>
#include <dare/merge/statistics.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dare::merge {

/// A number of the arithmetic under its name, e.g. {"c", 0.5}. Values of the working type are held exactly.
struct Fact {
  std::string_view name;
  double value = 0;
  friend bool operator==(const Fact&, const Fact&) = default;
};

/// An element as a checkpoint holds it.
struct StoredElement {
  Dtype dtype = Dtype::f32;
  std::uint64_t bits = 0;
  double value = 0;
};

/// What a random sparsifier drew: dropped iff u < threshold, or under compat mergelm iff uniform < threshold * 2^-32 as float32.
struct Draw {
  std::uint32_t u = 0;  ///< compat mergelm: the 24 bits of its uniform
  std::uint64_t threshold = 0;
  double rate = 0;  ///< that the threshold is of; della: the element's own
  std::optional<float> uniform;
};

/// One model's part in the element.
struct ExplainedModel {
  bool present = true;                     ///< false: the model lacks the element's row, and nothing below is set
  std::optional<StoredElement> stored;     ///< nothing where the model brings its change alone (LoRA, delta checkpoints)
  double tuned = 0;                        ///< F_k in the working type
  double delta = 0;                        ///< F_k - B in the working type
  bool kept = true;                        ///< what the sparsifier decided
  double rescale = 1;                      ///< g
  std::optional<Draw> draw;                ///< dare, della
  std::optional<ModelStatistics> cuts;     ///< magnitude, breadcrumbs
  std::optional<StoredElement> auxiliary;  ///< fisher: the element's Fisher weight
  std::vector<Fact> facts;                 ///< of the combiner, the same names for all models
};

/// Where the element's bits come from.
enum class Origin : std::uint8_t {
  base,      ///< nothing moved it: the base's own bits, or its value rounded to the output type
  computed,  ///< `result`, rounded to the output type
};

struct Explanation {
  bool wide = false;                  ///< the working type is float64
  std::optional<StoredElement> base;  ///< nothing where there is no base, or none in this row
  double base_value = 0;              ///< B in the working type; 0 where there is none
  std::vector<ExplainedModel> models;
  std::vector<Fact> facts;  ///< of the combiner, over all models, in the order in which they are computed
  double result = 0;        ///< in the working type, before it is rounded
  Origin origin = Origin::computed;
  std::optional<std::uint16_t> rounding_draw;  ///< stochastic rounding
  std::optional<Finding> finding;              ///< why a merge would stop here; then there is no output
  StoredElement output;
};

/// Explains the one element run.wanted. The output is TensorMerger's; the parts come from the functions that it is made of. Pure.
/// @param statistics  what a Survey found, where statistics_passes(settings) is not 0.
/// @pre run.wanted.elements == 1
[[nodiscard]] Explanation explain(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run);

}  // namespace dare::merge
