#pragma once
/// The whole course of a run, decided before a weight is read: who reads, who writes, in which portions, with how much memory.

#include <dare/plan/grid.hpp>
#include <dare/plan/partition.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::plan {

/// Where ranks run: node_of[r] is the number of rank r's node, counted from 0.
struct Cluster {
  std::vector<int> node_of;
  [[nodiscard]] int ranks() const noexcept { return static_cast<int>(node_of.size()); }
  [[nodiscard]] int nodes() const noexcept;
  /// `ranks` ranks spread over `nodes` nodes in blocks, as schedulers do by default. @pre ranks >= nodes
  [[nodiscard]] static Cluster uniform(int ranks, int nodes);
};

/// --writers: how many ranks write.
struct Writers {
  enum class Kind : std::uint8_t { all, node, count };
  Kind kind = Kind::all;  ///< what is fastest where it was measured: docs/performance.md
  int count = 0;          ///< for Kind::count
  /// "all", "node" or a number. @throws UsageError
  [[nodiscard]] static Writers parse(std::string_view text);
};

inline constexpr std::uint64_t k_largest_tile = std::uint64_t{1} << 17U;  ///< 256 KiB of bfloat16: a tile's buffers fit the L2 cache
inline constexpr std::uint64_t k_smallest_tile = std::uint64_t{1} << 12U;

struct Limits {
  Writers writers;
  std::uint64_t memory_per_rank = std::uint64_t{512} << 20U;  ///< bytes of buffers
  std::uint64_t working_memory = 0;                           ///< bytes of it that the method takes for itself
  std::uint64_t tile_elements = k_largest_tile;               ///< of a tile at most: a power of two, k_smallest_tile or more
  std::uint64_t products = 1;                                 ///< that are merged from each tile
};

inline constexpr int k_receives = 2;  ///< tiles that a writer has under way for each active member

struct Plan {
  Grid grid;
  Cluster cluster;
  std::vector<Share> shares;        ///< by rank
  std::vector<int> writer_of;       ///< by rank; a writer writes its own blocks and those of its members
  std::uint64_t tile_elements = 0;  ///< power of two
  std::uint64_t run_elements = 0;   ///< of consecutive tiles of a product that a writer collects before it writes them; tile_elements: none
  int active_members = 0;           ///< members that a writer receives from at one time
  std::uint64_t buffer_bytes = 0;   ///< largest rank's buffers

  [[nodiscard]] int writers() const;
  /// By tensor: whether any rank has a block of it to do.
  [[nodiscard]] std::vector<bool> tensors_to_do() const;
  [[nodiscard]] std::uint64_t blocks_to_do() const noexcept;
  /// Bytes of files that the blocks to do read, and of outputs that they write.
  [[nodiscard]] std::uint64_t bytes_to_read() const;
  [[nodiscard]] std::uint64_t bytes_to_write() const;
  /// The same together, of the rank that has most of them.
  [[nodiscard]] std::uint64_t largest_share() const;
  /// The largest rank's bytes over the mean; 1 for nothing to do.
  [[nodiscard]] double imbalance() const;
};

/// Bytes that a rank and its agreements move between two points where all ranks look at each other's state.
inline constexpr std::uint64_t k_slice_bytes = std::uint64_t{256} << 20U;

/// @param todo    the blocks to do, normally all.
/// @throws UsageError  memory_per_rank is too small; the text says what is needed.
[[nodiscard]] Plan make_plan(Grid grid, Cluster cluster, const Limits& limits, const Share& todo);

/// Reading that a method takes before the merge itself.
struct EarlierPasses {
  unsigned passes = 0;
  std::uint64_t bytes_read = 0;
};

/// Bandwidths of a whole machine, for predicting time.
struct Bandwidth {
  std::optional<double> read;   ///< bytes/s over all nodes
  std::optional<double> write;  ///< bytes/s over all nodes
};

/// --plan, for people: a few aligned lines.
[[nodiscard]] std::string to_text(const Plan& plan, const EarlierPasses& earlier, const Bandwidth& bandwidth);
/// The same as one JSON object.
[[nodiscard]] std::string to_json(const Plan& plan, const EarlierPasses& earlier, const Bandwidth& bandwidth);

}  // namespace dare::plan
