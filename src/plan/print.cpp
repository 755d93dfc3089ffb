#include <dare/plan/plan.hpp>

#include "core/json_text.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/duration.hpp>
#include <dare/core/plural.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace dare::plan {
namespace {

// Of the output, by the writer that writes most of it.
std::uint64_t largest_writer(const Plan& plan) {
  std::vector<std::uint64_t> bytes(plan.shares.size());
  for (std::size_t rank = 0; rank < plan.shares.size(); ++rank)
    bytes[static_cast<std::size_t>(plan.writer_of[rank])] += bytes_written_in(plan.grid, plan.shares[rank]);
  return *std::max_element(bytes.begin(), bytes.end());
}

// What the choice of writers means: gathering costs a copy and a wait, which fewer open files must be worth.
std::string_view how_written(const Plan& plan) {
  return plan.writers() == plan.cluster.ranks() ? "each rank its own blocks: nothing is gathered" : "each gathers other ranks' blocks too";
}

std::optional<double> seconds(std::uint64_t bytes, std::optional<double> bytes_per_s) {
  if (!bytes_per_s) return std::nullopt;
  return static_cast<double>(bytes) / *bytes_per_s;
}

// As if nothing were read while something is written. Where both bandwidths are the machine's, computing hides behind them.
std::optional<double> predicted(std::uint64_t read, std::uint64_t written, const Bandwidth& bandwidth) {
  const auto read_s = seconds(read, bandwidth.read);
  const auto write_s = seconds(written, bandwidth.write);
  if (!read_s || !write_s) return std::nullopt;
  return *read_s + *write_s;
}

}  // namespace

std::string to_text(const Plan& plan, const EarlierPasses& earlier, const Bandwidth& bandwidth) {
  const auto& grid = plan.grid;
  const auto read = earlier.bytes_read + plan.bytes_to_read();
  const auto written = plan.bytes_to_write();
  const auto to_do = plan.blocks_to_do();
  const auto blocks = to_do == grid.blocks() ? std::to_string(to_do) : fmt::format("{} of {} to do,", to_do, grid.blocks());
  std::string text =
      fmt::format("tensors          {}\nblocks           {} of {} elements\nranks            {} on {}\n", grid.tensors().size(), blocks,
                  k_block_elements, plan.cluster.ranks(), plural(static_cast<std::uint64_t>(plan.cluster.nodes()), "node"));
  text += fmt::format("writers          {} ({})\nlargest writer   {}\npasses           {}\nread             {}\nwrite            {}\n",
                      plan.writers(), how_written(plan), format_bytes(largest_writer(plan)), earlier.passes + 1, format_bytes(read),
                      format_bytes(written));
  text += fmt::format("largest rank     {} ({:.3f} x the mean)\nbuffers a rank   {} in tiles of {} elements\n",
                      format_bytes(plan.largest_share()), plan.imbalance(), format_bytes(plan.buffer_bytes), plan.tile_elements);
  if (const auto s = seconds(read, bandwidth.read)) text += fmt::format("reading takes    {}\n", format_duration(*s));
  if (const auto s = seconds(written, bandwidth.write)) text += fmt::format("writing takes    {}\n", format_duration(*s));
  if (const auto s = predicted(read, written, bandwidth))
    text += fmt::format("all takes        {}, reading and writing in turn\n", format_duration(*s));
  return text;
}

std::string to_json(const Plan& plan, const EarlierPasses& earlier, const Bandwidth& bandwidth) {
  const auto read = earlier.bytes_read + plan.bytes_to_read();
  const auto written = plan.bytes_to_write();
  nlohmann::ordered_json json{{"tensors", plan.grid.tensors().size()},
                              {"blocks", plan.grid.blocks()},
                              {"blocks_to_do", plan.blocks_to_do()},
                              {"block_elements", k_block_elements},
                              {"ranks", plan.cluster.ranks()},
                              {"nodes", plan.cluster.nodes()},
                              {"writers", plan.writers()},
                              {"largest_writer_bytes", largest_writer(plan)},
                              {"passes", earlier.passes + 1},
                              {"bytes_read", read},
                              {"bytes_written", written},
                              {"largest_rank_bytes", plan.largest_share()},
                              {"imbalance", plan.imbalance()},
                              {"buffer_bytes_per_rank", plan.buffer_bytes},
                              {"tile_elements", plan.tile_elements}};
  if (const auto s = seconds(read, bandwidth.read)) json["read_s"] = *s;
  if (const auto s = seconds(written, bandwidth.write)) json["write_s"] = *s;
  if (const auto s = predicted(read, written, bandwidth)) json["predicted_s"] = *s;
  return json_lines(json);
}

}  // namespace dare::plan
