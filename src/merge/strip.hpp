#pragma once
/// A strip: the unit in which tensors are worked on. It lies within one aligned run of 2048 elements (so that a sum over 65,536 elements is
/// a sum over whole strips), within one row where rows matter, and where the same models are present in all of it.

#include <dare/merge/run.hpp>
#include <dare/merge/statistics.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::merge {

inline constexpr std::size_t k_strip = 2048;  // elements; a model's buffers stay in the first-level cache

enum class Kept : std::uint8_t { all, none, some };

/// What a combiner made of an element.
enum class Effect : std::uint8_t {
  moved,    ///< the result
  base,     ///< the base itself, whatever the result says
  unmoved,  ///< the result, but the models agree with the base: if it comes out as the base, nothing was lost
};

/// One model's part of a strip.
template <class W>
struct ModelStrip {
  std::size_t term = 0;                ///< position in TensorSettings::models
  std::span<W> tuned;                  ///< F_k
  std::span<W> delta;                  ///< F_k - B
  Kept kept = Kept::all;               ///< what the sparsifier left
  std::span<std::uint8_t> mask;        ///< where some: 1 is kept
  bool own_factors = false;            ///< the sparsifier gives a factor per element
  std::span<double> factors;           ///< then: these
  std::span<const std::byte> weights;  ///< fisher: of the strip's elements, as stored

  [[nodiscard]] bool keeps(std::size_t i) const noexcept { return kept == Kept::all || (kept == Kept::some && mask[i] != 0); }
};

template <class W>
struct Strip {
  const TensorSettings& settings;
  const TensorStatistics& statistics;
  std::uint64_t first = 0;
  std::size_t size = 0;
  std::span<W> base;                     ///< 0 where the tensor has no base
  std::span<ModelStrip<W>> models;       ///< those that are present, in order
  std::span<W> result;                   ///< a combiner sets all
  std::span<Effect> effect;              ///< likewise
  std::span<W> spare;                    ///< a combiner's own
  std::span<const double> coefficients;  ///< of the combiner: the tensor's, or the row's

  [[nodiscard]] const ModelTerm& term(const ModelStrip<W>& model) const noexcept { return settings.models[model.term]; }
};

template <class W>
struct StripBuffers {
  struct Model {
    std::array<W, k_strip> tuned, delta;
    std::array<std::uint8_t, k_strip> mask;
    std::array<double, k_strip> factors;
  };
  std::array<W, k_strip> base, result, spare;
  std::array<Effect, k_strip> effect;
  std::vector<Model> models;
  std::vector<ModelStrip<W>> strips;
};

/// Cuts a run into strips and widens their inputs.
template <class W>
class StripReader {
 public:
  /// References must outlive the reader.
  StripReader(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run, StripBuffers<W>& buffers);
  /// Goes to the next strip; false at the end.
  bool next();
  [[nodiscard]] Strip<W>& strip() noexcept { return strip_; }
  /// Bytes of the base for this strip; empty where it has none.
  [[nodiscard]] std::span<const std::byte> base_bytes() const noexcept { return base_bytes_; }

 private:
  [[nodiscard]] std::uint64_t end_of_strip(std::uint64_t first) const noexcept;
  void load_base();
  void load_models();

  const Run& run_;
  StripBuffers<W>& buffers_;
  Strip<W> strip_;
  std::span<const std::byte> base_bytes_;
};

/// The bytes of elements [first, first + n) within a run's input that holds the tensor's leading `held` elements. @pre it holds them
[[nodiscard]] std::span<const std::byte> part_of(const Run& run, std::span<const std::byte> bytes, Dtype dtype, std::uint64_t first,
                                                 std::uint64_t n) noexcept;

/// Some elements of a run; `models` holds the spans and has one for each of the run's.
[[nodiscard]] Run part_of_run(const TensorSettings& settings, const Run& run, Extent wanted,
                              std::vector<std::span<const std::byte>>& models);

/// One model's deltas (and values) of any elements that it holds, in W. `tuned` or `delta` may be empty.
template <class W>
void load_model(const TensorSettings& settings, const Run& run, std::size_t term, std::uint64_t first, std::span<const W> base,
                std::span<W> tuned, std::span<W> delta);
/// The base of any elements of the run; 0 where it has none.
template <class W>
void load_base(const TensorSettings& settings, const Run& run, std::uint64_t first, std::span<W> base);

}  // namespace dare::merge
