#pragma once
/// Vector kernels of SharedMeasurer: chunks of bfloat16 elements, 16 of them side by side as PartialSums has them.

#include "merge/partial_sums.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dare::merge {

inline constexpr std::size_t k_measure_chunk = 256;  ///< elements whose numbers stay in the first-level cache
inline constexpr std::size_t k_measure_step = 64;    ///< elements of a chunk are a multiple of it: no vector of any target is longer

template <class T>
using ChunkArray = std::array<T, k_measure_chunk>;

/// Uniforms as int32 keep their order once 2^31 is taken off: an element is kept iff last_dropped < drawn.
[[nodiscard]] constexpr std::int32_t as_drawn(std::uint32_t uniform) noexcept {
  return static_cast<std::int32_t>(uniform ^ 0x80000000U);
}

/// The base's elements of a chunk.
struct ChunkBase {
  alignas(64) ChunkArray<float> values;
  alignas(64) ChunkArray<std::uint32_t> lowest;  ///< bits of the first float32 that rounds to the value as bfloat16
  alignas(64) ChunkArray<std::uint32_t> width;   ///< how many do
};

/// One model's.
struct ChunkModel {
  alignas(64) ChunkArray<float> delta;
  alignas(64) ChunkArray<double> squares;  ///< of delta
  PartialSums total;                       ///< of the squares of a strip
};

/// What one combination of undropped coefficients makes of the elements.
struct ChunkWhole {
  std::vector<float> coefficients;        ///< by model
  alignas(64) ChunkArray<double> change;  ///< u of Measures
  PartialSums squares;                    ///< of u in a strip
};

/// One model in one setting. What keeps everything has a `drawn` of its own, above every last_dropped.
struct SettingModel {
  const float* delta = nullptr;
  const std::int32_t* drawn = nullptr;
  float coefficient = 0;
  std::int32_t last_dropped = 0;
};

/// The sums of one setting over a strip.
struct SettingSums {
  PartialSums product;  ///< m u of Measures
  PartialSums merged;   ///< m^2
  std::uint64_t lost = 0;
};

/// One of the settings that share deltas and draws, and differ in what they make of them.
struct SettingPart {
  std::span<const SettingModel> models;
  SettingSums* sums = nullptr;
};

/// What one threshold leaves of one model in a strip.
struct KeptSums {
  PartialSums squares;
  std::uint64_t count = 0;
  std::int32_t last_dropped = 0;
};

/// Elements that two models pull in different directions where a threshold is the same for all models.
struct ConflictSums {
  std::uint64_t count = 0;
  std::int32_t last_dropped = 0;
};

/// The largest magnitude of n elements of bfloat16; infinity or NaN where some is not finite. @pre n is a multiple of k_measure_step
[[nodiscard]] float largest_magnitude(const std::byte* elements, std::size_t n);

// n is a chunk's elements throughout.

void widen_base(const std::byte* elements, std::size_t n, ChunkBase& base);
void widen_model(const std::byte* elements, std::size_t n, const ChunkBase& base, ChunkModel& model);
void add_whole(const ChunkBase& base, std::span<const ChunkModel> models, std::size_t n, ChunkWhole& whole);

/// Draws of 16 bits as the high halves of uniforms whose low halves are 0.
void spread_draws(const std::uint16_t* draws, std::size_t n, std::int32_t* drawn);
/// Where draws are equal to one of `ties`, which all differ. @param at  room for n positions. @return how many
[[nodiscard]] std::size_t find_ties(const std::uint16_t* draws, std::size_t n, std::span<const std::uint16_t> ties, std::uint16_t* at);

/// Adds what each threshold keeps of a model.
void add_kept(const ChunkModel& model, const std::int32_t* drawn, std::size_t n, std::span<KeptSums> kept);

/// Adds the merged change to the settings' sums. @pre every result fits bfloat16; the settings have the same deltas and draws
void add_settings(const ChunkBase& base, std::span<const SettingPart> parts, const ChunkWhole& whole, std::size_t n);

/// Of each element the largest uniform that makes a conflict: there is one iff last_dropped is below; int32's lowest where there is none.
/// @return elements that have any
[[nodiscard]] std::uint64_t find_conflicts(std::span<const SettingModel> models, std::size_t n, std::int32_t* drawn);
void count_conflicts(const std::int32_t* drawn, std::size_t n, std::span<ConflictSums> conflicts);
/// Conflicts where the models' thresholds differ.
[[nodiscard]] std::uint64_t count_conflicts(std::span<const SettingModel> models, std::size_t n);

}  // namespace dare::merge
