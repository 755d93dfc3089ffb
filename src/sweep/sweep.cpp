#include <dare/sweep/sweep.hpp>

#include "sweep/command_check.hpp"
#include "sweep/cost.hpp"
#include "sweep/costing.hpp"
#include "sweep/equal_points.hpp"
#include "sweep/evaluation.hpp"
#include "sweep/folder.hpp"
#include "sweep/group_run.hpp"
#include "sweep/groups.hpp"
#include "sweep/idle_wait.hpp"
#include "sweep/retention.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/core/open_file_limit.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/output_paths.hpp>
#include <dare/pipeline/output_place.hpp>
#include <dare/pipeline/plan_work.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace dare::sweep {
namespace {

constexpr std::uint64_t k_said_points = 2'000;  // more take seconds to plan

plan::Cluster cluster_for(const SweepOptions& options, const comm::Communicator& world) {
  auto cluster = pipeline::cluster_of(world);
  return options.plan_ranks ? plan::Cluster::uniform(*options.plan_ranks, options.plan_nodes.value_or(1)) : cluster;
}

// The groups' ranks are done with it; what cannot be removed the next run removes.
void remove_quietly(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

struct Room {
  std::uint64_t files = 0;
  std::uint64_t space = 0;
};

std::uint64_t points_of_a_pass(const FamilyCost& family, const Specification& specification, const SweepOptions& options, Room room) {
  if (family.alone) return 1;
  PassLimits limits;
  limits.memory = options.run.limits.memory_per_rank / 4;
  limits.memory_of_point = family.memory_of_point;
  limits.files = room.files > family.input_files ? room.files - family.input_files : 0;
  limits.files_of_point = family.files_of_point;
  // Beside the pass a group has the best of those before it.
  const auto best = specification.settings().keep == Keep::best ? family.bytes_written : 0;
  limits.space = room.space > best ? room.space - best : 0;
  limits.space_of_point = specification.settings().keep == Keep::all ? 0 : family.bytes_written;
  return most_points(limits);
}

// The whole run, from the specification to the last row.
class Sweep {
 public:
  Sweep(const SweepOptions& options, const comm::Communicator& world, const Specification& specification, std::vector<PointKey> keys)
      : options_{options},
        world_{world},
        specification_{specification},
        keys_{std::move(keys)},
        places_{options.folder},
        cluster_{cluster_for(options, world)} {
    world_.agree([&] { groups_ = number_of_groups(cluster_, options_.groups); });
    for (std::uint64_t i = 0; i < specification_.points(); ++i) names_.push_back(specification_.point(i).name);
  }

  int run() {
    families_ = find_families(specification_, keys_, options_.run.hash_inputs && !options_.plan_only, world_);
    std::optional<FolderLock> lock;
    world_.agree([&] {
      if (!world_.is_root()) return;
      refuse_outputs_among_inputs();
      refuse_model_folder(places_);
      if (!options_.plan_only) lock.emplace(places_);
    });
    look();
    plan();
    if (options_.plan_only) comm::print_result(world_, options_.run.json ? to_json(cost_) : to_text(cost_));
    world_.agree([&] { require_space(cost_, specification_.settings(), places_.folder); });
    if (options_.plan_only) return exit_code(refusals());
    world_.agree([&] {
      if (world_.is_root()) refuse_unreadable_inputs();
    });
    world_.agree([&] {
      if (world_.is_root()) record_refused();
    });
    auto tally = work_in_the_room();
    tally.failed += refusals().failed;
    tally.input += refusals().input;
    tally.usage += refusals().usage;
    world_.agree([&] {
      if (world_.is_root()) end();
    });
    report(tally);
    if (tally.signal != 0) stop(tally);
    if (tally.broken != 0 && static_cast<std::uint64_t>(tally.done + tally.failed + tally.unscored) + cost_.done < cost_.points) {
      throw comm::AgreedError{ExitCode::failure,
                              "no point of a pass could be scored, and what is not scored stays on the disk; mend evaluate; "
                              "the same command goes on"};
    }
    if (lost_groups_ != 0) {
      throw comm::AgreedError{ExitCode::failure,
                              fmt::format("{} of {} groups could not go on, as was told; the same command again does what "
                                          "they had begun",
                                          lost_groups_, groups_)};
    }
    return exit_code(tally);
  }

 private:
  // Where the folder and the inputs do not lie in each other no point of it can be among them.
  [[nodiscard]] bool lies_apart(const Family& family) const {
    try {
      pipeline::refuse_output_among_inputs(family.sources, places_.folder);
    } catch (const UsageError&) { return false; }
    return true;
  }

  void refuse_outputs_among_inputs() const {
    for (const auto& family : families_) {
      if (!family.problem.empty()) continue;  // nothing is made of it, and its headers are not there
      if (lies_apart(family)) continue;
      for (const auto point : family.points)
        pipeline::refuse_output_among_inputs(family.sources, output_of(places_.folder, names_[point], specification_.settings()));
    }
  }

  // What is done already, and what the rest costs.
  void look() {
    const auto states = world_.from_root([&] {
      std::vector<std::uint8_t> bytes;
      for (auto& one : look_at_points(specification_, keys_, families_, places_, options_.run.overwrite, !options_.plan_only)) {
        bytes.push_back(static_cast<std::uint8_t>(one.standing));
        identities_.push_back(std::move(one.identity));
      }
      return bytes;
    });
    for (const auto state : states) standing_.push_back(static_cast<Standing>(state));
    for (std::uint64_t i = 0; i < standing_.size(); ++i) {
      if (standing_[i] == Standing::to_score) to_score_.push_back(i);
    }
    costing_ = world_.from_root([&] { return cost_points(specification_, keys_, families_, standing_, places_, options_.run); });
    if (!world_.is_root()) return;
    for (const auto& refused : costing_.refused)
      comm::print_message(options_.run.program, fmt::format("point {}: {}", names_[refused.point], refused.text));
    tell_of_equals();
  }

  // Nothing is left out: whoever asks for several seeds may want as many rows.
  void tell_of_equals() {
    if (specification_.settings().outputs == Outputs::delta) return;  // the masks' seeds stand in these
    equals_ = equal_points(keys_);
    std::erase_if(equals_, [&](const auto& one) { return standing_[one.first] != Standing::to_do; });
    if (equals_.empty() || options_.run.log_level == pipeline::LogLevel::error) return;
    const auto& [point, other] = equals_.front();
    comm::print_message(
        options_.run.program,
        fmt::format("{} of {} points to do give what another gives, such as {} and {}: where nothing is drawn the seed makes no "
                    "difference, where nothing is dropped the rescale; such a point is enough once, under points",
                    equals_.size(), std::count(standing_.begin(), standing_.end(), Standing::to_do), names_[point], names_[other]));
  }

  void plan() {
    const auto files = static_cast<std::uint64_t>(world_.all_reduce(static_cast<std::int64_t>(files_to_open()), comm::Reduce::min));
    const auto space = world_.from_root([&] { return free_space(places_.folder); });
    std::vector<FamilyLoad> loads;
    for (const auto& family : costing_.families) {
      const auto most = points_of_a_pass(family, specification_, options_, {files, space / static_cast<std::uint64_t>(groups_)});
      loads.push_back({family.to_do, family.bytes_read, family.bytes_written, most});
    }
    batches_ = make_batches(loads, groups_);
    cost_ = cost_of(specification_, costing_, standing_, batches_, groups_);
    cost_.bytes_free = space;
    cost_.bytes_begun = world_.from_root([&] { return bytes_begun(); });
    cost_.bytes_to_score = world_.from_root([&] { return bytes_to_score(); });
    cost_.memory_per_rank = options_.run.limits.memory_per_rank;
    cost_.equal = equals_.size();
    cost_.ranks = cluster_.ranks();
  }

  // Before hours of other points: what cannot be read now most often has its name misspelt. Each point's own was told already.
  void refuse_unreadable_inputs() const {
    std::int64_t points = 0;
    for (const auto& family : families_) {
      if (family.problem.empty()) continue;
      points += std::count_if(family.points.begin(), family.points.end(), [&](auto point) { return standing_[point] == Standing::to_do; });
    }
    if (points == 0) return;
    throw InputError{fmt::format("{}: inputs of {} of {} points cannot be read, nothing was made; mend them, or take these points out",
                                 options_.specification.string(), points, names_.size())};
  }

  void record_refused() const {
    for (const auto& refused : costing_.refused) {
      Record record;
      record.point = names_[refused.point];
      record.error = refused.text;
      write_record(places_, record);
    }
  }

  // What interrupted runs have written of the points to do: this run goes on from it, or removes it.
  [[nodiscard]] std::uint64_t bytes_begun() const {
    std::uint64_t bytes = 0;
    for (const auto& family : costing_.families) {
      if (family.bytes_written == 0) continue;
      for (const auto point : family.to_do)
        bytes += bytes_on_disk(pipeline::OutputPaths{output_of(places_.folder, names_[point], specification_.settings())}.temporary);
    }
    return bytes;
  }

  // Where the checkpoints to do do not fit, those that only lack their scores are scored first: they go then.
  Tally work_in_the_room() {
    if (to_score_.empty() || fits_now(cost_)) return work(batches_, to_score_, cost_.done);
    auto tally = work({}, std::exchange(to_score_, {}), cost_.done);
    if (tally.signal != 0 || lost_groups_ != 0) return tally;
    tally.broken = tally.done == 0 ? 1 : 0;
    if (tally.broken != 0) return tally;
    make_room();
    tally.add(work(batches_, {}, cost_.done + static_cast<std::uint64_t>(tally.done + tally.unscored)));
    return tally;
  }

  // Plans anew with what is free once what is scored is gone.
  void make_room() {
    world_.agree([&] {
      if (world_.is_root()) end();
    });
    plan();
    world_.agree([&] { require_space(cost_, specification_.settings(), places_.folder); });
  }

  Tally work(const std::vector<Batch>& batches, const std::vector<std::uint64_t>& to_score, std::uint64_t told_before) {
    const pipeline::StopSignal signals;
    const auto group = world_.split(group_of(cluster_, world_.rank(), groups_));
    auto run = options_.run;
    run.summary = false;
    if (group_of(cluster_, world_.rank(), groups_) != 0) run.progress = pipeline::ProgressStyle::off;
    const auto dealing = world_.from_root([&] { return make_dealing_folder(places_.records); });
    const Shared shared{specification_, families_, places_,     run,
                        names_,         dealing,   told_before, options_.run.progress != pipeline::ProgressStyle::off};
    GroupRun mine{shared, group};
    std::optional<Error> error;
    try {
      mine.run(batches, to_score);
    } catch (const comm::AgreedError& caught) { error = caught; }
    if (error && groups_ > 1 && group.is_root()) tell_of_lost_group(*error);
    // The others may go on for hours, their evaluations on this node.
    lost_groups_ = static_cast<int>(sum_idly(world_, std::array<std::int64_t, 1>{error && group.is_root() ? 1 : 0}).front());
    if (world_.is_root()) remove_quietly(dealing);
    if (lost_groups_ == groups_) {
      if (world_.is_root()) write_results_quietly();
      world_.agree_on(error);
    }
    auto tally = group.is_root() ? mine.tally() : Tally{};  // one rank speaks for its group
    std::array<std::int64_t, 8> sums{tally.done,  tally.failed, tally.unscored,   tally.input,
                                     tally.usage, tally.passes, tally.bytes_read, tally.bytes_written};
    world_.all_reduce(sums, comm::Reduce::sum);
    tally.signal = world_.all_reduce(tally.signal, comm::Reduce::max);
    tally.broken = world_.all_reduce(tally.broken, comm::Reduce::max);
    return {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7], tally.signal, tally.broken};
  }

  // With keep: best one of them stays.
  [[nodiscard]] std::uint64_t bytes_to_score() const {
    if (specification_.settings().keep == Keep::all) return 0;
    std::uint64_t bytes = 0;
    std::uint64_t largest = 0;
    for (const auto point : to_score_) {
      const auto one = bytes_on_disk(output_of(places_.folder, names_[point], specification_.settings()));
      bytes += one;
      largest = std::max(largest, one);
    }
    return specification_.settings().keep == Keep::best ? bytes - largest : bytes;
  }

  // At once: the others may go on for hours.
  void tell_of_lost_group(const Error& error) const {
    comm::print_message(options_.run.program, fmt::format("group {} of {} cannot go on, the others do: {}",
                                                          group_of(cluster_, world_.rank(), groups_) + 1, groups_, error.what()));
  }

  // Of a run that fails for another reason, which is what is told; the next run writes them too.
  void write_results_quietly() const {
    try {
      Results{places_, names_}.write();
    } catch (const std::exception&) {}
  }

  void end() {
    std::vector<const Record*> of_this_sweep;
    const auto evaluation = evaluation_hash(specification_.settings().evaluate);
    Retention retention{specification_.settings(), places_};
    Results results{places_, names_};
    const auto records = results.read();
    // Those of this sweep come first, in its order; those of other settings and other points are nobody's to delete.
    std::uint64_t point = 0;
    for (const auto* record : records) {
      while (point < names_.size() && names_[point] != record->point) ++point;
      if (point == names_.size()) break;
      if (record->identity != identities_[point] || record->evaluated != evaluation) continue;
      of_this_sweep.push_back(record);
      retention.add(point, *record);
    }
    if (!evaluation.empty()) best_ = best_of(specification_.settings(), of_this_sweep);
    results.write();
  }

  // Where the best point's checkpoint is; nothing where it was not kept.
  [[nodiscard]] std::optional<std::string> best_checkpoint() const {
    const auto record = read_record(places_.record(best_->point));
    if (!record || record->output.empty()) return std::nullopt;
    return (places_.folder / record->output).string();
  }

  [[nodiscard]] std::string best_text() const {
    if (!best_) return "";
    const auto checkpoint = best_checkpoint();
    return fmt::format("best {}: {} ({}), point {}, {}\n", best_->score, best_->value.dump(),
                       specification_.settings().lowest_is_best ? "lowest" : "highest", best_->point,
                       checkpoint
                           ? "checkpoint " + *checkpoint
                           : "checkpoint not kept; a sweep of this point alone, into another folder and without keep, makes it again");
  }

  [[nodiscard]] nlohmann::ordered_json best_json() const {
    if (!best_) return nullptr;
    const auto checkpoint = best_checkpoint();
    return {{"score", best_->score},
            {"value", best_->value},
            {"point", best_->point},
            {"checkpoint", checkpoint ? nlohmann::ordered_json(*checkpoint) : nlohmann::ordered_json{}}};
  }

  [[nodiscard]] Tally refusals() const {
    Tally tally;
    for (const auto& refused : costing_.refused) tally.add_failure(static_cast<ExitCode>(refused.code));
    return tally;
  }

  // That of the points that failed where it is the same for all. An evaluation that failed is a failure of the run.
  static int exit_code(const Tally& tally) {
    if (tally.unscored != 0) return static_cast<int>(ExitCode::failure);
    if (tally.failed == 0) return static_cast<int>(ExitCode::done);
    if (tally.input == tally.failed) return static_cast<int>(ExitCode::input);
    if (tally.usage == tally.failed) return static_cast<int>(ExitCode::usage);
    return static_cast<int>(ExitCode::failure);
  }

  void report(const Tally& tally) const {
    try {
      comm::print_result(world_, summary(tally), fmt::format("{}: what was done stands; the summary", places_.folder.string()));
    } catch (const comm::AgreedError& error) {
      if (exit_code(tally) == 0 && tally.signal == 0) throw;
      if (world_.is_root()) comm::print_message(options_.run.program, error.what());  // the exit code tells of what is worse
    }
  }

  [[nodiscard]] std::string summary(const Tally& tally) const {
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
      return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    }
    return fmt::format("{}: {} of {} points done, {} by earlier runs, {} failed; {} read in {}, {} written in {:.2f} s on {} in {}\n{}{}",
                       places_.folder.string(), static_cast<std::uint64_t>(tally.done) + cost_.done, cost_.points, cost_.done, tally.failed,
                       format_bytes(static_cast<std::uint64_t>(tally.bytes_read)), plural(static_cast<std::uint64_t>(tally.passes), "pass"),
                       format_bytes(static_cast<std::uint64_t>(tally.bytes_written)), elapsed,
                       plural(static_cast<std::uint64_t>(world_.size()), "rank"), plural(static_cast<std::uint64_t>(groups_), "group"),
                       unscored_text(tally) + interrupted_text(tally), best_text());
  }

  [[nodiscard]] std::string interrupted_text(const Tally& tally) const {
    if (tally.signal == 0) return "";
    return specification_.settings().outputs == Outputs::model
               ? "a pass under way is not counted: its finished blocks are kept, the same command again goes on after them\n"
               : "a pass under way is not counted: the same command again does it as a whole\n";
  }

  [[nodiscard]] static std::string unscored_text(const Tally& tally) {
    if (tally.unscored == 0) return "";
    const auto points = static_cast<std::uint64_t>(tally.unscored);
    return fmt::format("{} {} merged, but not scored: the same command again evaluates {} without merging\n", plural(points, "point"),
                       points == 1 ? "is" : "are", points == 1 ? "it" : "them");
  }

  [[noreturn]] void stop(const Tally& tally) const {
    const bool keeps_no_part = specification_.settings().outputs == Outputs::statistics;
    throw comm::AgreedError{
        ExitCode::interrupted,
        fmt::format("{}; {} of {} points are done, the same command again does the rest{}",
                    pipeline::StopSignal::text(static_cast<int>(tally.signal)), static_cast<std::uint64_t>(tally.done) + cost_.done,
                    cost_.points, keeps_no_part ? " from the beginning (statistics are kept when their pass is done)" : "")};
  }

  const SweepOptions& options_;
  const comm::Communicator& world_;
  const Specification& specification_;
  const std::vector<PointKey> keys_;  // of the points; on rank 0
  const Places places_;
  const plan::Cluster cluster_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int groups_ = 1;
  int lost_groups_ = 0;  // that could not go on
  std::vector<std::string> names_;
  std::vector<Family> families_;
  std::vector<Standing> standing_;
  std::vector<std::string> identities_;  // of the points; on rank 0
  std::vector<std::uint64_t> to_score_;
  Costing costing_;
  std::vector<Batch> batches_;
  SweepCost cost_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> equals_;  // of the points to do; on rank 0
  std::optional<BestPoint> best_;                                // on rank 0, at the end
};

// Says what very many points would cost, before they are made.
void refuse_too_many(const Specification& specification, const SweepOptions& options) {
  if (specification.points() <= k_most_points || options.yes) return;
  Family family;
  family.sources = pipeline::read_sources(specification.recipe(specification.point(0)));
  family.points = {0};
  std::vector<Standing> standing(specification.points(), Standing::to_do);
  const PointKey key{"", {}, 0, merge::find_method(family.sources.recipe.method)};
  const auto costing = cost_points(specification, {key}, {family}, standing, Places{options.folder}, options.run);
  if (!costing.refused.empty()) throw Error{static_cast<ExitCode>(costing.refused.front().code), costing.refused.front().text};
  const auto& cost = costing.families.front();
  const auto most = points_of_a_pass(cost, specification, options, {files_to_open(), free_space(options.folder)});
  const auto passes = (specification.points() + most - 1) / most;
  throw UsageError{
      fmt::format("{}: {} points, more than {} are done only with --yes. If all cost what the first does they write {:.3g} bytes and take "
                  "{} passes of up "
                  "to {} points, which read {:.3g} bytes; {} are free in {}",
                  options.specification.string(), specification.points(), k_most_points,
                  static_cast<double>(cost.bytes_written) * static_cast<double>(specification.points()), passes, most,
                  static_cast<double>(cost.bytes_read) * static_cast<double>(passes), format_bytes(free_space(options.folder)),
                  options.folder.string())};
}

}  // namespace

int sweep(const SweepOptions& options, const comm::Communicator& world) {
  const auto texts = world.from_root([&] { return read_texts(options.specification); });
  std::optional<Specification> specification;
  world.agree([&] {
    specification.emplace(texts);
    if (world.is_root()) refuse_too_many(*specification, options);
  });
  std::vector<PointKey> keys;
  world.agree([&] {
    if (!world.is_root()) return;
    const auto& command = specification->settings().evaluate;
    refuse_unknown_placeholder(command);
    refuse_quoted_placeholder(command, options.folder.string());
    if (!options.plan_ranks) refuse_missing_program(command);  // another cluster has other programs
    if (specification->points() > k_said_points && options.run.progress != pipeline::ProgressStyle::off)
      comm::print_message(options.run.program, fmt::format("plans {} points", specification->points()));
    keys = keys_of(*specification);
  });
  return Sweep{options, world, *specification, std::move(keys)}.run();
}

}  // namespace dare::sweep
