#include "sweep/sweep_run.hpp"

#include "pipeline/unfinished.hpp"
#include "sweep/equal_points.hpp"
#include "sweep/folder.hpp"
#include "sweep/retention.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/open_file_limit.hpp>
#include <dare/pipeline/measure.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace dare::sweep {

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
  limits.space_of_point = family.bytes_beside + (specification.settings().keep == Keep::all ? 0 : family.bytes_written);
  return most_points(limits);
}

void Sweep::look() {
  const auto states = world_.from_root([&] {
    std::vector<std::uint8_t> bytes;
    auto found = look_at_points(specification_, keys_, families_, places_, options_.run.overwrite, !options_.plan_only);
    make_lost_best_again(found);
    for (std::uint64_t i = 0; i < found.size(); ++i) {
      auto& one = found[i];
      if (!one.damage.empty()) damaged_.emplace(i, std::move(one.damage));
      bytes.push_back(static_cast<std::uint8_t>(one.standing));
      identities_.push_back(std::move(one.identity));
    }
    return bytes;
  });
  for (const auto state : states) standing_.push_back(static_cast<Standing>(state));
  for (std::uint64_t i = 0; i < standing_.size(); ++i) {
    if (standing_[i] == Standing::to_score) to_score_.push_back(i);
  }
  given_ = world_.from_root([&] { return find_given(); });
  for (const auto& [point, source] : given_) standing_[point] = Standing::given;
  costing_ = world_.from_root([&] { return cost_points_to_do(); });
  for (const auto& refused : costing_.refused) standing_[refused.point] = Standing::to_do;
  if (!world_.is_root()) return;
  if (!options_.plan_only) remove_leftovers();
  PointProblems told{names_.size()};
  for (const auto& refused : costing_.refused) told.add(names_[refused.point], refused.why);
  for (const auto& text : told.texts()) comm::print_message(options_.run.program, text);
  tell_of_damage();
  tell_of_equals();
}

// A plan says so itself.
void Sweep::tell_of_damage() const {
  if (options_.plan_only || options_.run.log_level == pipeline::LogLevel::error) return;
  for (const auto& [point, damage] : damaged_)
    comm::print_message(options_.run.program, fmt::format("point {}: was done, but {}; it is made again", names_[point], damage));
}

void Sweep::remove_damaged() {
  for (const auto& [point, damage] : damaged_) remove_output(output_of(places_.folder, names_[point], specification_.settings()));
  damaged_.clear();
}

std::uint64_t Sweep::bytes_damaged() const {
  std::uint64_t bytes = 0;
  for (const auto& [point, damage] : damaged_) bytes += bytes_on_disk(output_of(places_.folder, names_[point], specification_.settings()));
  return bytes;
}

void Sweep::remove_leftovers() const {
  remove_cut_deletions(places_, {names_.begin(), names_.end()});
  std::set<std::filesystem::path> in_use;
  for (std::uint64_t i = 0; specification_.settings().outputs == Outputs::statistics && i < standing_.size(); ++i) {
    if (standing_[i] == Standing::to_do) in_use.insert({places_.sums(names_[i]), places_.passes(names_[i])});
  }
  std::error_code error;
  for (std::filesystem::directory_iterator entry{places_.records, error}, end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const auto kind = entry->path().extension();
    const bool is_journal = (kind == ".sums" || kind == ".passes") && entry->is_regular_file(ignored);
    if (is_journal && in_use.count(entry->path()) == 0) remove_quietly(entry->path());
  }
}

// With keep: best its checkpoint is there at the end, also where it was deleted meanwhile, by a kill between two deletions or with keep:
// none.
void Sweep::make_lost_best_again(std::vector<PointState>& states) const {
  const auto& settings = specification_.settings();
  std::vector<const Record*> scored;
  for (const auto& state : states) {
    if (state.scored) scored.push_back(&*state.scored);
  }
  const auto best = best_of(settings, scored);
  if (!best) return;
  for (auto& state : states) {
    if (state.scored && state.scored->point == best->point && state.scored->output.empty()) state.standing = Standing::to_do;
  }
}

// Statistics alone: of a checkpoint the writing is most of the work, and it has a manifest of its own.
std::map<std::uint64_t, std::uint64_t> Sweep::find_given() const {
  if (specification_.settings().outputs != Outputs::statistics) return {};
  auto given = given_points(keys_, standing_);
  std::set<std::uint64_t> unread;
  for (const auto& family : families_) {
    if (!family.problem.empty()) unread.insert(family.points.begin(), family.points.end());
  }
  std::erase_if(given, [&](const auto& one) {
    const auto [point, source] = one;
    return unread.count(point) != 0 || (standing_[source] == Standing::done && !std::filesystem::exists(places_.tensors(names_[source])));
  });
  return given;
}

// What one is refused for, those that it would have given are, too.
Costing Sweep::cost_points_to_do() const {
  auto costing = cost_points(specification_, keys_, families_, standing_, places_, options_.run);
  std::map<std::uint64_t, RefusedPoint> refused;
  for (const auto& one : costing.refused) refused.emplace(one.point, one);
  for (const auto& [point, source] : given_) {
    const auto one = refused.find(source);
    if (one != refused.end()) costing.refused.push_back({point, one->second.why});
  }
  return costing;
}

// No row is left out: whoever asks for several seeds may want as many.
void Sweep::tell_of_equals() {
  const bool measures = specification_.settings().outputs == Outputs::statistics;
  if (specification_.settings().outputs == Outputs::delta) return;  // the masks' seeds stand in these
  if (measures) {
    equals_.assign(given_.begin(), given_.end());
  } else {
    equals_ = equal_points(keys_);
    std::erase_if(equals_, [&](const auto& one) { return standing_[one.first] != Standing::to_do; });
  }
  if (equals_.empty() || options_.run.log_level == pipeline::LogLevel::error) return;
  const auto& [point, other] = equals_.front();
  const auto to_do =
      std::count_if(standing_.begin(), standing_.end(), [](auto one) { return one == Standing::to_do || one == Standing::given; });
  comm::print_message(
      options_.run.program,
      fmt::format("{} of {} points to do give what another gives, such as {} and {}: where nothing is drawn the seed makes no "
                  "difference, where nothing is dropped the rescale; {}",
                  equals_.size(), to_do, names_[point], names_[other],
                  measures ? "they are measured once, and each has its row" : "such a point is enough once, under points"));
}

void Sweep::plan() {
  const auto files = static_cast<std::uint64_t>(world_.all_reduce(static_cast<std::int64_t>(files_to_open()), comm::Reduce::min));
  const auto space = world_.from_root([&] { return free_space(places_.folder) + bytes_damaged(); });
  std::vector<FamilyLoad> loads;
  for (const auto& family : costing_.families) {
    const auto most = points_of_a_pass(family, specification_, options_, {files, space / static_cast<std::uint64_t>(groups_)});
    loads.push_back({family.to_do, family.bytes_read, family.bytes_written, most});
  }
  batches_ = make_batches(loads, groups_);
  cost_ = cost_of(specification_, costing_, standing_, batches_, groups_);
  cost_.bytes_free = space;
  const auto left = world_.from_root([&] {
    const auto of = begun(options_.run.unfinished);
    return std::vector{of.bytes, of.discarded};
  });
  cost_.bytes_begun = left[0];
  cost_.bytes_discarded = left[1];
  cost_.bytes_to_score = world_.from_root([&] { return bytes_to_score(); });
  cost_.memory_per_rank = options_.run.limits.memory_per_rank;
  cost_.equal = equals_.size();
  for (const auto& [point, damage] : damaged_) cost_.made_again.emplace_back(names_[point], damage);
  cost_.ranks = cluster_.ranks();
}

// By their journals: what was made of other inputs or settings is of no use.
Sweep::Begun Sweep::begun(pipeline::Unfinished unfinished) const {
  const bool sums = specification_.settings().outputs == Outputs::statistics;
  auto run = options_.run;
  run.unfinished = unfinished;
  run.log_level = pipeline::LogLevel::error;
  Begun begun;
  for (std::size_t f = 0; f < families_.size(); ++f) {
    for (const auto point : costing_.families[f].to_do) {
      const auto output = output_of(places_.folder, names_[point], specification_.settings());
      const pipeline::MeasureFiles journals{places_.sums(names_[point]), places_.passes(names_[point])};
      const auto bytes =
          sums ? bytes_on_disk(journals.sums) + bytes_on_disk(journals.passes) : bytes_on_disk(pipeline::OutputPaths{output}.temporary);
      if (bytes == 0) continue;
      const PassWork pass{specification_, families_[f], {point}, places_.folder, run};
      if (pass.points().empty()) continue;  // what it is refused for is told
      const auto& product = pass.work().products.front();
      const bool goes_on =
          sums ? pipeline::goes_on_measuring(journals, pass.work(), product, run) : pipeline::goes_on_merging(pass.work(), product, run);
      begun.points += goes_on ? 1 : 0;
      (goes_on ? begun.bytes : begun.discarded) += bytes;
    }
  }
  return begun;
}

std::uint64_t Sweep::bytes_to_score() const {
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

void Sweep::make_room() {
  world_.agree([&] {
    if (world_.is_root()) end();
  });
  plan();
  world_.agree([&] { require_space(cost_, specification_.settings(), places_.folder); });
}

}  // namespace dare::sweep
