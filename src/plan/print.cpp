#include <dare/core/byte_size.hpp>
#include <dare/plan/plan.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace dare::plan {
namespace {

std::uint64_t largest_share(const Plan& plan) {
  std::uint64_t largest = 0;
  for (const auto& share : plan.shares) largest = std::max(largest, bytes_in(plan.grid, share));
  return largest;
}

std::optional<double> seconds(std::uint64_t bytes, std::optional<double> bytes_per_s) {
  if (!bytes_per_s) return std::nullopt;
  return static_cast<double>(bytes) / *bytes_per_s;
}

}  // namespace

std::string to_text(const Plan& plan, const EarlierPasses& earlier, const Bandwidth& bandwidth) {
  const auto& grid = plan.grid;
  const auto read = grid.bytes_read() + earlier.bytes_read;
  std::string text =
      fmt::format("tensors          {}\nblocks           {} of {} elements\nranks            {} on {} node{}\n", grid.tensors().size(),
                  grid.blocks(), k_block_elements, plan.cluster.ranks(), plan.cluster.nodes(), plan.cluster.nodes() == 1 ? "" : "s");
  text += fmt::format("writers          {}\npasses           {}\nread             {}\nwrite            {}\n", plan.writers(),
                      earlier.passes + 1, format_bytes(read), format_bytes(grid.bytes_written()));
  text += fmt::format("largest rank     {} ({:.3f} x the mean)\nbuffers a rank   {} in tiles of {} elements\n",
                      format_bytes(largest_share(plan)), plan.imbalance(), format_bytes(plan.buffer_bytes), plan.tile_elements);
  if (const auto s = seconds(read, bandwidth.read)) text += fmt::format("reading takes    {:.1f} s\n", *s);
  if (const auto s = seconds(grid.bytes_written(), bandwidth.write)) text += fmt::format("writing takes    {:.1f} s\n", *s);
  return text;
}

std::string to_json(const Plan& plan, const EarlierPasses& earlier, const Bandwidth& bandwidth) {
  const auto read = plan.grid.bytes_read() + earlier.bytes_read;
  nlohmann::ordered_json json{{"tensors", plan.grid.tensors().size()},
                              {"blocks", plan.grid.blocks()},
                              {"block_elements", k_block_elements},
                              {"ranks", plan.cluster.ranks()},
                              {"nodes", plan.cluster.nodes()},
                              {"writers", plan.writers()},
                              {"passes", earlier.passes + 1},
                              {"bytes_read", read},
                              {"bytes_written", plan.grid.bytes_written()},
                              {"largest_rank_bytes", largest_share(plan)},
                              {"imbalance", plan.imbalance()},
                              {"buffer_bytes_per_rank", plan.buffer_bytes},
                              {"tile_elements", plan.tile_elements}};
  if (const auto s = seconds(read, bandwidth.read)) json["read_s"] = *s;
  if (const auto s = seconds(plan.grid.bytes_written(), bandwidth.write)) json["write_s"] = *s;
  return json.dump(2) + "\n";
}

}  // namespace dare::plan
