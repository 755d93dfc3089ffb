#pragma once
/// Vector kernels of SharedMeasurer. Up to eight settings are the lanes of vectors, so that the sums of each go on in the order of the
/// elements; the work that no sum hangs on runs over elements.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dare::merge {

inline constexpr std::size_t k_lanes = 8;          ///< settings of a group
inline constexpr std::size_t k_measure_step = 64;  ///< elements of a chunk are a multiple of it: no vector of any target is longer

template <class T>
using Lanes = std::array<T, k_lanes>;

/// One model's elements of a chunk, and what the settings make of them.
struct LaneModel {
  const float* delta = nullptr;
  const double* squares = nullptr;  ///< of delta
  std::uint16_t* kept = nullptr;    ///< of each element: bit s is set where setting s keeps it
  Lanes<float> coefficient{};       ///< of the combiner
  Lanes<float> whole{};             ///< with nothing dropped
  Lanes<double> error{};            ///< (g - 1)^2: what a kept element's square is multiplied with
};

struct LaneChunk {
  std::size_t n = 0;
  const float* base = nullptr;
  std::span<const LaneModel> models;
  const double* delta = nullptr;          ///< squares of each element, summed over the models
  const std::uint32_t* lowest = nullptr;  ///< bits of the first float32 that rounds to base
  const std::uint32_t* width = nullptr;   ///< how many beyond it do
  const double* undropped = nullptr;      ///< u of each element where it is the same in all settings, from add_whole(); else none
};

/// Sums of the settings of a group (Measures).
struct LaneSums {
  Lanes<double> product{};
  Lanes<double> merged{};
  Lanes<double> error{};
  Lanes<double> undropped{};
  double delta = 0;  ///< the same for all
};

/// Adds a chunk's elements to the sums, in order. @param lost  of each element: bit s is set where rounding to bfloat16 undoes its change.
/// @pre every result fits bfloat16
void add_chunk(const LaneChunk& chunk, LaneSums& sums, std::uint16_t* lost);

/// One setting's part of mark_kept.
struct Mark {
  std::uint16_t limit = 0;  ///< what is drawn below it is dropped
  std::uint16_t bit = 0;
  std::uint64_t kept = 0;  ///< elements
  bool tie = false;        ///< some draw is equal to `limit`
};
/// Adds to bits[i] the bits of those marks whose limit is not above draws[i].
void mark_kept(std::span<const std::uint16_t> draws, std::span<Mark> marks, std::uint16_t* bits);
/// Adds to counts[s] how many of n have bit s.
void count_bits(const std::uint16_t* bits, std::size_t n, Lanes<std::uint64_t>& counts);
/// Of each element: the settings that keep a positive delta of one model and a negative one of another.
void mark_conflicts(const LaneChunk& chunk, std::uint16_t* conflicts);
/// u of each element, with the first setting's `whole`.
void add_whole(const LaneChunk& chunk, double* undropped);
/// The squares, which are added to `sums` too.
void square(std::span<const float> values, double* squares, double* sums);
/// The bounds of what rounds to each of `base`, values of bfloat16.
void round_to_base(std::span<const float> base, std::uint32_t* lowest, std::uint32_t* width);
/// Infinity or NaN where some value is not finite.
[[nodiscard]] float largest_magnitude(std::span<const float> values);

}  // namespace dare::merge
