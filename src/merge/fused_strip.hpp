#pragma once
/// One strip as its vector kernels see it; plain values, no SIMD type.

#include <cstddef>
#include <cstdint>
#include <span>

namespace dare::merge {

/// How elements lie in memory, and the type they are merged in.
enum class FusedLanes : std::uint8_t {
  bf16,        ///< in float
  f16,         ///< in float
  f32,         ///< in float
  f32_as_f64,  ///< in double
  f64,         ///< in double
};

/// One model's part of a strip.
template <class W>
struct FusedModel {
  const std::byte* tuned = nullptr;
  const std::uint16_t* draws = nullptr;  ///< DropStream::Settled
  std::uint16_t limit = 0;               ///< element i is dropped iff draws[i] < limit; 0 keeps all
  W coefficient = 1;                     ///< of the delta: c_k, or W(w_k * g_k) for ties
  W vote = 1;                            ///< ties: of the delta in the vote
  W weight = 1;                          ///< ties: in the denominator
};

template <class W>
struct FusedStrip {
  FusedLanes lanes = FusedLanes::f32;
  std::size_t n = 0;
  const std::byte* base = nullptr;
  std::byte* out = nullptr;               ///< as `base`: base + s, or base's own bits where s == 0
  W* wide_out = nullptr;                  ///< instead of `out`, not with bf16: the same before it is rounded, in whole vectors
  std::span<const FusedModel<W>> models;  ///< not empty
  // ties
  W lambda = 1;
  bool normalize = true;
  bool weighted = true;
  W* terms = nullptr;  ///< room for models.size() * k_terms values
};

inline constexpr std::size_t k_terms = 128;

struct StripResult {
  bool plain = false;       ///< an input, or what went to `out`, is not finite: it is not to be used
  std::uint64_t zeros = 0;  ///< elements with s == 0
  std::uint64_t equal = 0;  ///< elements of `out` with base's bits; those of `zeros` are among them; with wide_out unknown
};

StripResult add_deltas(const FusedStrip<float>& strip);
StripResult add_deltas(const FusedStrip<double>& strip);
StripResult elect_deltas(const FusedStrip<float>& strip);
StripResult elect_deltas(const FusedStrip<double>& strip);

}  // namespace dare::merge
