#pragma once
/// Surveys and merges of tensors in memory, cut as several ranks would cut them.

#include <dare/merge/statistics.hpp>
#include <dare/merge/tensor_merger.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace dare::test {

using Bytes = std::vector<std::byte>;

/// One tensor with all its inputs' bytes.
struct MergeTensor {
  merge::TensorSettings settings;
  Bytes base;
  std::vector<Bytes> models;
  std::vector<Bytes> auxiliary;
};

inline bool works_wide(const merge::TensorSettings& settings) {
  return merge::works_in_float64(settings);
}

/// A run's spans, held.
class HeldRun {
 public:
  HeldRun(const MergeTensor& tensor, merge::Extent wanted) {
    const auto& settings = tensor.settings;
    const auto read = merge::extent_needed(settings, wanted);
    const auto part = [&](const Bytes& bytes, unsigned bits, std::uint64_t held) {
      const auto clip = merge::clipped(read, std::min(held, settings.elements));
      return clip.elements == 0 ? std::span<const std::byte>{} : std::span{bytes}.subspan(clip.first * bits / 8, clip.elements * bits / 8);
    };
    for (std::size_t k = 0; k < tensor.models.size(); ++k) {
      const auto& term = settings.models[k];
      const auto bits = term.source == merge::Source::delta ? (works_wide(settings) ? 64 : 32) : info(term.dtype).bits;
      models_.push_back(part(tensor.models[k], bits, term.elements));
      if (tensor.auxiliary.empty()) continue;
      const bool whole = settings.combiner == merge::Combiner::regmean;
      auxiliary_.push_back(whole ? std::span<const std::byte>{tensor.auxiliary[k]}
                                 : part(tensor.auxiliary[k], info(term.auxiliary).bits, term.elements));
    }
    run_ = {wanted, read,
            settings.has_base ? part(tensor.base, info(settings.base_dtype).bits, settings.base_elements) : std::span<const std::byte>{},
            models_, auxiliary_};
  }
  [[nodiscard]] const merge::Run& run() const { return run_; }

 private:
  std::vector<std::span<const std::byte>> models_;
  std::vector<std::span<const std::byte>> auxiliary_;
  merge::Run run_;
};

/// What a survey took.
struct SurveyCost {
  unsigned passes = 0;         ///< rounds that wanted a tile of more than one block of 65,536 elements, or of all there are
  std::uint64_t elements = 0;  ///< that were fed, over all ranks
};

/// Surveys by `ranks` ranks: each a run of the aligned blocks of all tensors together, fed in tiles. By setting and tensor.
/// @param settings  by tensor; the tensors' own are not looked at.
inline std::vector<std::vector<merge::TensorStatistics>> survey_together(
    const std::vector<MergeTensor>& tensors, const std::vector<std::vector<const merge::TensorSettings*>>& settings, std::size_t ranks,
    std::uint64_t tile = 40000, SurveyCost* cost = nullptr) {
  std::vector<std::pair<std::size_t, std::uint64_t>> blocks;  // tensor, first
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    for (std::uint64_t at = 0; at < tensors[t].settings.elements; at += merge::k_sum_block) blocks.emplace_back(t, at);
  }
  std::vector<merge::Survey> surveys;
  for (std::size_t r = 0; r < ranks; ++r) surveys.emplace_back(settings);

  unsigned rounds = 0;
  while (!surveys[0].done()) {
    if (++rounds > 20) throw std::runtime_error{"the survey does not end"};
    bool all = true;
    bool any = false;
    for (std::size_t r = 0; r < ranks; ++r) {
      for (auto b = blocks.size() * r / ranks; b < blocks.size() * (r + 1) / ranks; ++b) {
        const auto& tensor = tensors[blocks[b].first];
        const auto end = std::min(blocks[b].second + merge::k_sum_block, tensor.settings.elements);
        for (auto at = blocks[b].second; at < end; at += tile) {
          const merge::Extent wanted{at, std::min(tile, end - at)};
          if (!surveys[r].wants(blocks[b].first, wanted)) {
            all = false;
            continue;
          }
          EXPECT_TRUE(surveys[r].wants_tiles());
          any = true;
          surveys[r].feed(blocks[b].first, HeldRun{tensor, wanted}.run());
          if (cost != nullptr) cost->elements += wanted.elements;
        }
      }
    }
    if (cost != nullptr && any && all) ++cost->passes;
    std::vector<std::int64_t> sums(surveys[0].exchange().begin(), surveys[0].exchange().end());
    for (std::size_t r = 1; r < ranks; ++r) {
      const auto mine = surveys[r].exchange();
      if (mine.size() != sums.size()) throw std::runtime_error{"ranks exchange unequal numbers"};
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += mine[i];
    }
    for (auto& one : surveys) {
      std::copy(sums.begin(), sums.end(), one.exchange().begin());
      one.advance();
    }
  }
  std::vector<std::vector<merge::TensorStatistics>> result;
  for (std::size_t s = 0; s < settings.front().size(); ++s) {
    result.push_back(surveys[0].statistics(s));
    for (auto& one : surveys) EXPECT_EQ(one.statistics(s), result.back());
  }
  return result;
}

/// Of each tensor's own settings.
inline std::vector<merge::TensorStatistics> survey(const std::vector<MergeTensor>& tensors, std::size_t ranks, std::uint64_t tile = 40000,
                                                   SurveyCost* cost = nullptr) {
  std::vector<std::vector<const merge::TensorSettings*>> settings;
  for (const auto& tensor : tensors) settings.push_back({&tensor.settings});
  return survey_together(tensors, settings, ranks, tile, cost).front();
}

struct Merged {
  Bytes bytes;
  merge::Counts counts;
  std::optional<merge::Finding> finding;
};

/// Merges in `pieces` runs of nearly equal length; stops at a finding.
inline Merged merge_pieces(const MergeTensor& tensor, const merge::TensorStatistics& statistics, std::size_t pieces, bool plain = false) {
  merge::TensorMerger merger{tensor.settings, statistics};
  if (plain) merger.use_plain();
  const auto scratch = merge::TensorMerger::make_scratch();
  const auto size = info(tensor.settings.out_dtype).bits / 8;
  Merged merged;
  merged.bytes.resize(tensor.settings.elements * size);
  for (std::size_t i = 0; i < pieces && !merged.finding; ++i) {
    const auto first = tensor.settings.elements * i / pieces;
    const auto end = tensor.settings.elements * (i + 1) / pieces;
    if (first == end) continue;
    const HeldRun held{tensor, {first, end - first}};
    merged.finding = merger.merge(held.run(), std::span{merged.bytes}.subspan(first * size, (end - first) * size), merged.counts, *scratch);
  }
  return merged;
}

/// The whole of it at several splittings, which must agree; the result of one.
inline Merged merge_all_ways(const MergeTensor& tensor) {
  const auto statistics = survey({tensor}, 1)[0];
  if (merge::statistics_passes(tensor.settings) != 0) { EXPECT_EQ(survey({tensor}, 3, 7001)[0], statistics); }
  const auto merged = merge_pieces(tensor, statistics, 1);
  if (merge::needs_whole_tensor(tensor.settings)) return merged;
  for (const std::size_t count : {2, 3, 5}) {
    const auto pieces = merge_pieces(tensor, statistics, count, count == 2);
    EXPECT_EQ(pieces.bytes, merged.bytes) << count << " pieces";
    EXPECT_EQ(pieces.counts.swallowed, merged.counts.swallowed) << count << " pieces";
    EXPECT_EQ(pieces.counts.merged, merged.counts.merged) << count << " pieces";
  }
  return merged;
}

}  // namespace dare::test
