#include "core/json_text.hpp"
#include "sweep/sweep_run.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dare::sweep {
namespace {

constexpr std::size_t k_equals_shown = 4;

std::string not_kept(const Settings& settings, const std::string& score) {
  if (settings.keep == Keep::best) return "checkpoint not there; the same command makes it again";
  return fmt::format("checkpoint not kept; with keep: best and score: {} the same command makes it again", score);
}

std::string equals_text(const BestPoint& best) {
  if (best.equals.empty()) return "";
  const auto shown = std::min(best.equals.size(), k_equals_shown);
  return fmt::format("  equal to it: {}{}; of equals the first of the sweep counts\n",
                     fmt::join(best.equals.begin(), best.equals.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                     best.equals.size() > shown ? fmt::format(" and {} more", best.equals.size() - shown) : "");
}

}  // namespace

Tally Sweep::refusals() const {
  Tally tally;
  for (const auto& refused : costing_.refused) tally.add_failure(refused.why.code);
  return tally;
}

int Sweep::exit_code(const Tally& tally) {
  if (tally.unscored != 0) return static_cast<int>(ExitCode::failure);
  if (tally.failed == 0) return static_cast<int>(ExitCode::done);
  if (tally.input == tally.failed) return static_cast<int>(ExitCode::input);
  if (tally.usage == tally.failed) return static_cast<int>(ExitCode::usage);
  return static_cast<int>(ExitCode::failure);
}

void Sweep::report(const Tally& tally) const {
  std::string text;
  world_.agree([&] {
    if (world_.is_root()) text = summary(tally);
  });
  try {
    comm::print_result(world_, text, fmt::format("{}: what was done stands; the summary", places_.folder.string()));
  } catch (const comm::AgreedError& error) {
    if (exit_code(tally) == 0 && tally.signal == 0) throw;
    if (world_.is_root()) comm::print_message(options_.run.program, error.what());  // the exit code tells of what is worse
  }
}

std::string Sweep::summary(const Tally& tally) const {
  const auto elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (options_.run.json) {
    const nlohmann::ordered_json json{{"folder", places_.folder.string()},
                                      {"points", cost_.points},
                                      {"done_before", cost_.done},
                                      {"done", tally.done},
                                      {"failed", tally.failed},
                                      {"unscored", tally.unscored},
                                      {"passes", tally.passes},
                                      {"bytes_read", tally.bytes_read},
                                      {"bytes_written", tally.bytes_written},
                                      {"groups", groups_},
                                      {"ranks", world_.size()},
                                      {"best", best_json()},
                                      {"elapsed_s", elapsed}};
    return json_lines(json);
  }
  return fmt::format("{}: {} of {} points done, {} by earlier runs, {} failed; {} read in {}, {} written in {:.2f} s on {} in {}\n{}{}",
                     places_.folder.string(), static_cast<std::uint64_t>(tally.done) + cost_.done, cost_.points, cost_.done, tally.failed,
                     format_bytes(static_cast<std::uint64_t>(tally.bytes_read)), plural(static_cast<std::uint64_t>(tally.passes), "pass"),
                     format_bytes(static_cast<std::uint64_t>(tally.bytes_written)), elapsed,
                     plural(static_cast<std::uint64_t>(world_.size()), "rank"), plural(static_cast<std::uint64_t>(groups_), "group"),
                     unscored_text(tally) + interrupted_text(tally), best_text());
}

std::string Sweep::interrupted_text(const Tally& tally) const {
  if (tally.signal == 0) return "";
  std::uint64_t kept = 0;
  try {
    kept = begun(pipeline::Unfinished::resume_same).points;
  } catch (const Error&) { return ""; }  // what cannot be looked at now does not change that it was interrupted
  if (kept == 0)
    return "points that are merged stay merged; nothing is kept of a pass under way: the same command again does it as a whole\n";
  return fmt::format("a pass under way is not counted: what it has finished of {} is kept, the same command again{} goes on after that\n",
                     plural(kept, "point"), options_.run.unfinished == pipeline::Unfinished::restart ? " without --restart" : "");
}

std::string Sweep::unscored_text(const Tally& tally) {
  if (tally.unscored == 0) return "";
  const auto points = static_cast<std::uint64_t>(tally.unscored);
  return fmt::format("{} {} merged, but not scored: the same command again evaluates {} without merging\n", plural(points, "point"),
                     points == 1 ? "is" : "are", points == 1 ? "it" : "them");
}

std::optional<std::string> Sweep::best_checkpoint() const {
  const auto record = read_record(places_.record(best_->point));
  if (!record || record->output.empty()) return std::nullopt;
  return (places_.folder / record->output).string();
}

std::string Sweep::best_text() const {
  if (!best_) return "";
  const auto checkpoint = best_checkpoint();
  return fmt::format("best {}: {} ({}), point {}, {}\n{}", best_->score, best_->value.dump(),
                     specification_.settings().lowest_is_best ? "lowest" : "highest", best_->point,
                     checkpoint ? "checkpoint " + *checkpoint : not_kept(specification_.settings(), best_->score), equals_text(*best_));
}

nlohmann::ordered_json Sweep::best_json() const {
  if (!best_) return nullptr;
  const auto checkpoint = best_checkpoint();
  return {{"score", best_->score},
          {"value", best_->value},
          {"point", best_->point},
          {"equals", best_->equals},
          {"checkpoint", checkpoint ? nlohmann::ordered_json(*checkpoint) : nlohmann::ordered_json{}}};
}

void Sweep::stop(const Tally& tally) const {
  throw comm::AgreedError{ExitCode::interrupted, fmt::format("{}; {} of {} points are done, the same command again does the rest",
                                                             pipeline::StopSignal::text(static_cast<int>(tally.signal)),
                                                             static_cast<std::uint64_t>(tally.done) + cost_.done, cost_.points)};
}

}  // namespace dare::sweep
