#pragma once
/// Statistics of settings that share their draws, for SharedMeasurer.

#include "merge/measure_strip.hpp"

#include <dare/merge/measure.hpp>
#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dare::merge {

using DrawnArray = ChunkArray<std::int32_t>;

/// One model's draws in one stream, and what each threshold keeps.
struct StreamModel {
  random::DropStream stream;
  std::vector<KeptSums> kept;       ///< by threshold
  std::vector<std::uint16_t> ties;  ///< high halves of thresholds that low halves decide about, each once
  bool draws = false;
  alignas(64) DrawnArray drawn{};
};

struct StreamSetting {
  std::size_t number = 0;  ///< of the caller
  std::vector<std::uint64_t> thresholds;
  std::vector<std::size_t> kept;  ///< by model, place among the stream's
  std::vector<double> off;        ///< by model, (g - 1)^2
  std::vector<SettingModel> models;
  std::vector<double> largest;           ///< by model, magnitude of a coefficient
  std::size_t whole = 0;                 ///< place among the undropped
  std::optional<std::size_t> conflicts;  ///< place among the stream's, where one threshold above 0 is that of all models
  std::uint64_t own_conflicts = 0;       ///< else
  bool one_threshold = false;            ///< of all models
  SettingSums sums;
};

/// Settings that the kernel takes together.
struct SettingBatch {
  std::size_t whole = 0;  ///< place among the undropped
  std::vector<SettingPart> parts;
  [[nodiscard]] bool takes(const StreamSetting& setting) const {
    const auto same = [](const SettingModel& a, const SettingModel& b) { return a.delta == b.delta && a.drawn == b.drawn; };
    return whole == setting.whole && std::equal(setting.models.begin(), setting.models.end(), parts.front().models.begin(), same);
  }
};

/// Sums of a strip that are the same for all settings.
struct StripTotals {
  std::uint64_t elements = 0;
  std::vector<double> models;  ///< squares of each one's deltas
  std::vector<double> wholes;  ///< u^2 of each of the undropped
};

/// Settings that draw from the same streams: points of a sweep over drop rates. Masks nest, so that they share the draws.
class StreamGroup {
 public:
  StreamGroup(std::vector<random::DropStream> streams, std::span<const ChunkModel> chunk);
  [[nodiscard]] bool has(const std::vector<random::DropStream>& streams) const;

  /// @param setting  all but its places and pointers
  void add(StreamSetting setting, std::span<const ChunkModel> chunk);
  [[nodiscard]] const std::deque<StreamSetting>& settings() const noexcept { return settings_; }

  void begin_strip();

  /// A chunk whose first element is `first`.
  void measure(std::uint64_t first, std::size_t n, const ChunkBase& base, std::span<const ChunkModel> models,
               std::span<const std::unique_ptr<ChunkWhole>> wholes);

  /// Adds a strip's sums to those of a setting.
  void add_to(Measures& of, const StreamSetting& setting, const StripTotals& totals) const;

 private:
  [[nodiscard]] std::uint64_t conflicts_of(const StreamSetting& setting) const;

  /// Uniforms' high halves; the low ones only where a threshold needs them.
  void draw(std::uint64_t first, std::size_t n, StreamModel& model);
  void add_conflicts(std::size_t n);

  std::vector<std::unique_ptr<StreamModel>> models_;
  std::vector<SettingModel> streams_;   // what all settings share of each model
  std::deque<StreamSetting> settings_;  // stay where they are
  std::vector<SettingBatch> batches_;
  std::vector<ConflictSums> conflicts_;  // by threshold
  std::uint64_t any_conflicts_ = 0;      // with nothing dropped
  alignas(64) DrawnArray conflicting_{};
  alignas(64) std::array<std::uint16_t, random::DropStream::room_for(k_measure_chunk)> room_{};
  ChunkArray<std::uint16_t> ties_{};
};

}  // namespace dare::merge
