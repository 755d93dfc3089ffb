#include <dare/plan/plan.hpp>

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

namespace dare::plan {
namespace {

constexpr std::uint64_t k_own_tiles = 3;  // outputs of a member: one being merged, two under way
constexpr std::uint64_t k_mebibyte = std::uint64_t{1} << 20U;

// The first rank of each group writes for it.
std::vector<int> by_node(const Cluster& cluster) {
  std::vector<int> writer_of(cluster.node_of.size());
  std::vector<int> first_of(static_cast<std::size_t>(cluster.nodes()), -1);
  for (int rank = 0; rank < cluster.ranks(); ++rank) {
    auto& first = first_of[static_cast<std::size_t>(cluster.node_of[static_cast<std::size_t>(rank)])];
    if (first < 0) first = rank;
    writer_of[static_cast<std::size_t>(rank)] = first;
  }
  return writer_of;
}

std::vector<int> by_count(int ranks, int writers) {
  std::vector<int> writer_of(static_cast<std::size_t>(ranks));
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    const auto group = rank * writers / ranks;
    writer_of[static_cast<std::size_t>(rank)] = static_cast<int>((group * ranks + writers - 1) / writers);
  }
  return writer_of;
}

int most_members(const std::vector<int>& writer_of) {
  std::vector<int> members(writer_of.size());
  for (std::size_t rank = 0; rank < writer_of.size(); ++rank) {
    if (writer_of[rank] != static_cast<int>(rank)) ++members[static_cast<std::size_t>(writer_of[rank])];
  }
  return *std::max_element(members.begin(), members.end());
}

struct TileBytes {
  std::uint64_t in = 0;   // all inputs of a tile
  std::uint64_t out = 0;  // its result
};

TileBytes largest_tile(const Grid& grid, std::uint64_t elements) {
  std::uint64_t read = 0;
  std::uint64_t write = 0;
  for (const auto& load : grid.tensors()) {
    read = std::max(read, load.read_bits);
    write = std::max(write, load.largest_write_bits);
  }
  return {elements * read / 8, elements * write / 8};
}

}  // namespace

int Cluster::nodes() const noexcept {
  return node_of.empty() ? 0 : *std::max_element(node_of.begin(), node_of.end()) + 1;
}

Cluster Cluster::uniform(int ranks, int nodes) {
  assert(ranks >= nodes);
  Cluster cluster;
  for (std::int64_t rank = 0; rank < ranks; ++rank) cluster.node_of.push_back(static_cast<int>(rank * nodes / ranks));
  return cluster;
}

Writers Writers::parse(std::string_view text) {
  if (text == "all") return {Kind::all, 0};
  if (text == "node") return {Kind::node, 0};
  Writers writers{Kind::count, 0};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), writers.count);
  if (error != std::errc{} || end != text.data() + text.size() || writers.count < 1) {
    throw UsageError{fmt::format("--writers {}: give all, node, or a number of ranks from 1 up", text)};
  }
  return writers;
}

int Plan::writers() const {
  int writers = 0;
  for (int rank = 0; rank < cluster.ranks(); ++rank) writers += writer_of[static_cast<std::size_t>(rank)] == rank ? 1 : 0;
  return writers;
}

std::vector<bool> Plan::tensors_to_do() const {
  std::vector<bool> to_do(grid.tensors().size());
  for (const auto& share : shares) {
    for (const auto& range : share) {
      const auto last = grid.block(range.last - 1).tensor;
      for (auto tensor = grid.block(range.first).tensor; tensor <= last; ++tensor) to_do[tensor] = true;
    }
  }
  return to_do;
}

std::uint64_t Plan::blocks_to_do() const noexcept {
  std::uint64_t blocks = 0;
  for (const auto& share : shares) blocks += blocks_in(share);
  return blocks;
}

std::uint64_t Plan::bytes_to_read() const {
  std::uint64_t bytes = 0;
  for (const auto& share : shares) bytes += bytes_in(grid, share) - bytes_written_in(grid, share);
  return bytes;
}

std::uint64_t Plan::bytes_to_write() const {
  std::uint64_t bytes = 0;
  for (const auto& share : shares) bytes += bytes_written_in(grid, share);
  return bytes;
}

std::uint64_t Plan::largest_share() const {
  std::uint64_t largest = 0;
  for (const auto& share : shares) largest = std::max(largest, bytes_in(grid, share));
  return largest;
}

double Plan::imbalance() const {
  const auto total = bytes_to_read() + bytes_to_write();
  return total == 0 ? 1 : static_cast<double>(largest_share()) * static_cast<double>(shares.size()) / static_cast<double>(total);
}

Plan make_plan(Grid grid, Cluster cluster, const Limits& limits, const Share& todo) {
  const auto ranks = cluster.ranks();
  Plan plan{std::move(grid), std::move(cluster), {}, {}, 0, 0, 0, 0};
  plan.shares = partition(plan.grid, todo, ranks);
  switch (limits.writers.kind) {
    case Writers::Kind::all:
      plan.writer_of = by_count(ranks, ranks);
      break;
    case Writers::Kind::node:
      plan.writer_of = by_node(plan.cluster);
      break;
    case Writers::Kind::count:
      plan.writer_of = by_count(ranks, std::min(limits.writers.count, ranks));
      break;
  }
  const auto members = most_members(plan.writer_of);
  const auto needed = [&](std::uint64_t elements, int active) {
    const auto tile = largest_tile(plan.grid, elements);
    const auto runs = plan.run_elements > elements ? limits.products * largest_tile(plan.grid, plan.run_elements).out : 0;
    return limits.working_memory + tile.in + tile.out * (k_own_tiles + static_cast<std::uint64_t>(active * k_receives)) + runs;
  };
  plan.tile_elements = limits.tile_elements;
  plan.active_members = members;
  plan.run_elements = k_largest_tile;
  if (needed(plan.tile_elements, plan.active_members) > limits.memory_per_rank) plan.run_elements = 0;
  // First fewer members at a time, then smaller tiles: a smaller tile costs every rank, a waiting member only itself.
  while (plan.active_members > 1 && needed(plan.tile_elements, plan.active_members) > limits.memory_per_rank) --plan.active_members;
  while (plan.tile_elements > k_smallest_tile && needed(plan.tile_elements, plan.active_members) > limits.memory_per_rank)
    plan.tile_elements /= 2;
  plan.run_elements = std::max(plan.run_elements, plan.tile_elements);
  plan.buffer_bytes = needed(plan.tile_elements, plan.active_members);
  if (plan.buffer_bytes > limits.memory_per_rank) {
    throw UsageError{fmt::format("--memory-per-rank {}: this needs at least {}MiB a rank", exact_byte_size(limits.memory_per_rank),
                                 (plan.buffer_bytes + k_mebibyte - 1) / k_mebibyte)};
  }
  return plan;
}

}  // namespace dare::plan
