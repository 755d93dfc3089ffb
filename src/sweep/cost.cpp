#include "sweep/cost.hpp"

#include "core/json_text.hpp"
#include "core/table.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/plural.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <numeric>
#include <string_view>
#include <utility>

namespace dare::sweep {
namespace {

constexpr std::size_t k_passes_shown = 8;
constexpr std::string_view k_before{"  before that"};  // the longest key of a plan

std::string passes_text(const std::vector<std::uint64_t>& passes) {
  std::string text = fmt::format("{}", passes.size());
  if (passes.empty()) return text;
  text += " (points: ";
  for (std::size_t i = 0; i < std::min(passes.size(), k_passes_shown); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", passes[i]);
  return text + (passes.size() > k_passes_shown ? ", ...)" : ")");
}

// What is on the disk while the groups are at their largest passes. @param of_point  member of FamilyCost
std::uint64_t bytes_of_passes(const Costing& costing, const std::vector<Batch>& batches, std::size_t groups,
                              std::uint64_t FamilyCost::*of_point) {
  std::vector<std::uint64_t> bytes;
  for (const auto& batch : batches) bytes.push_back(batch.points.size() * costing.families[batch.family].*of_point);
  std::sort(bytes.begin(), bytes.end(), std::greater{});
  bytes.resize(std::min(bytes.size(), groups));
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}

std::string bytes_text(std::uint64_t bytes) {
  return fmt::format("{} ({} bytes)", format_bytes(bytes), bytes);
}

}  // namespace

SweepCost cost_of(const Specification& specification, const Costing& costing, const std::vector<Standing>& standing,
                  const std::vector<Batch>& batches, int groups) {
  SweepCost cost;
  cost.groups = groups;
  cost.points = specification.points();
  cost.families = costing.families.size();
  cost.refused = costing.refused.size();
  cost.done = static_cast<std::uint64_t>(std::count(standing.begin(), standing.end(), Standing::done));
  cost.to_do = static_cast<std::uint64_t>(std::count(standing.begin(), standing.end(), Standing::given));
  cost.to_score = static_cast<std::uint64_t>(std::count(standing.begin(), standing.end(), Standing::to_score));
  std::uint64_t largest = 0;
  for (const auto& family : costing.families) {
    cost.to_do += family.to_do.size();
    cost.earlier_passes = std::max(cost.earlier_passes, family.earlier_passes);
    cost.earlier_bytes += family.earlier_bytes;
    largest = std::max(largest, family.bytes_written);
  }
  for (const auto& batch : batches) {
    const auto& family = costing.families[batch.family];
    cost.passes.push_back(batch.points.size());
    cost.bytes_read += family.bytes_read;
    cost.bytes_written += batch.points.size() * family.bytes_written;
    cost.memory_of_points = std::max(cost.memory_of_points, batch.points.size() * family.memory_of_point);
  }
  const auto keep = specification.settings().keep;
  cost.bytes_kept = keep == Keep::all ? cost.bytes_written : keep == Keep::best ? largest : 0;
  const auto passes = [&](auto of_point) { return bytes_of_passes(costing, batches, static_cast<std::size_t>(groups), of_point); };
  cost.bytes_at_once = keep == Keep::all ? cost.bytes_written : passes(&FamilyCost::bytes_written);
  cost.bytes_at_once += passes(&FamilyCost::bytes_beside);
  // Beside its pass a group has the best of those before.
  if (keep == Keep::best && batches.size() > static_cast<std::size_t>(groups))
    cost.bytes_at_once += static_cast<std::uint64_t>(groups) * largest;
  return cost;
}

bool fits_now(const SweepCost& cost) noexcept {
  return cost.bytes_at_once <= cost.bytes_free || cost.bytes_at_once - cost.bytes_free <= cost.bytes_begun + cost.bytes_discarded;
}

void require_space(const SweepCost& cost, const Settings& settings, const std::filesystem::path& folder) {
  if (fits_now(cost) || cost.bytes_at_once - cost.bytes_free <= cost.bytes_begun + cost.bytes_discarded + cost.bytes_to_score) return;
  const bool by_pass = settings.keep != Keep::all || settings.outputs == Outputs::statistics;
  const auto* instead = by_pass ? cost.groups > 1 ? ", or give fewer --groups, each of which has a pass there" : ""
                        : settings.outputs == Outputs::model
                            ? ", or keep fewer: keep: best or none with evaluate, outputs: delta or statistics"
                            : ", or use outputs: statistics";
  const auto* what = settings.outputs == Outputs::model   ? "checkpoints"
                     : settings.outputs == Outputs::delta ? "delta checkpoints"
                                                          : "sums of unfinished passes";
  throw InputError{
      fmt::format("{}: needs {} ({} bytes) for the {} that are there at once, {} are free; make room, or name a folder elsewhere{}",
                  folder.string(), format_bytes(cost.bytes_at_once), cost.bytes_at_once, what, format_bytes(cost.bytes_free), instead)};
}

std::string to_text(const SweepCost& cost, std::size_t columns) {
  std::vector<Table::Row> rows;
  const auto say = [&](std::string_view key, std::string text) {  // in the same column, whatever lines there are
    rows.push_back({fmt::format("{:<{}}", key, k_before.size()), std::move(text)});
  };
  say("points", fmt::format("{}: {} to do, {} done by earlier runs, {} to be scored only, {} refused", cost.points, cost.to_do, cost.done,
                            cost.to_score, cost.refused));
  for (const auto& [point, damage] : cost.made_again) say("  made again", fmt::format("{}: was done, but {}", point, damage));
  if (cost.equal != 0) say("  equal", fmt::format("{} to another, by definition", cost.equal));
  say("inputs", fmt::format("{} famil{} of checkpoints", cost.families, cost.families == 1 ? "y" : "ies"));
  say("groups", fmt::format("{} of {} in all", cost.groups, plural(static_cast<std::uint64_t>(cost.ranks), "rank")));
  say("passes", passes_text(cost.passes));
  say("reads", bytes_text(cost.bytes_read));
  if (cost.earlier_bytes != 0) {
    say(k_before, fmt::format("at most {}: up to {} passes of each point's method, fewer where points share them",
                              bytes_text(cost.earlier_bytes), cost.earlier_passes));
  }
  say("writes", bytes_text(cost.bytes_written));
  if (cost.bytes_begun != 0)
    say("  begun", fmt::format("{} there by interrupted runs; what of it is finished is not made again", bytes_text(cost.bytes_begun)));
  if (cost.bytes_discarded != 0)
    say("  discarded", fmt::format("{} there by interrupted runs that this one cannot go on from; they go when it begins",
                                   bytes_text(cost.bytes_discarded)));
  say("keeps", fmt::format("{}; {} are free", bytes_text(cost.bytes_kept), format_bytes(cost.bytes_free)));
  if (cost.bytes_at_once != cost.bytes_kept) say("  at once", bytes_text(cost.bytes_at_once));
  say("memory", fmt::format("{} a rank at most, of it {} for the points of a pass", format_bytes(cost.memory_per_rank),
                            format_bytes(cost.memory_of_points)));
  return lines_of_keys(rows, columns);
}

std::string to_json(const SweepCost& cost) {
  auto again = nlohmann::ordered_json::object();
  for (const auto& [point, damage] : cost.made_again) again[point] = damage;
  const nlohmann::ordered_json json{{"points", cost.points},
                                    {"to_do", cost.to_do},
                                    {"done", cost.done},
                                    {"to_score", cost.to_score},
                                    {"refused", cost.refused},
                                    {"made_again", again},
                                    {"equal", cost.equal},
                                    {"families", cost.families},
                                    {"groups", cost.groups},
                                    {"ranks", cost.ranks},
                                    {"passes", cost.passes},
                                    {"bytes_read", cost.bytes_read},
                                    {"earlier_passes", cost.earlier_passes},
                                    {"earlier_bytes", cost.earlier_bytes},
                                    {"bytes_written", cost.bytes_written},
                                    {"bytes_kept", cost.bytes_kept},
                                    {"bytes_at_once", cost.bytes_at_once},
                                    {"bytes_begun", cost.bytes_begun},
                                    {"bytes_discarded", cost.bytes_discarded},
                                    {"bytes_free", cost.bytes_free},
                                    {"memory_of_points", cost.memory_of_points},
                                    {"memory_per_rank", cost.memory_per_rank}};
  return json_lines(json);
}

}  // namespace dare::sweep
