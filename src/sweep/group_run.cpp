#include "sweep/group_run.hpp"

#include "sweep/equal_points.hpp"
#include "sweep/evaluation.hpp"
#include "sweep/folder.hpp"
#include "sweep/idle_wait.hpp"
#include "sweep/measures.hpp"
#include "sweep/point_manifest.hpp"
#include "sweep/standing.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/packed.hpp>
#include <dare/core/shape.hpp>
#include <dare/pipeline/execute.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/measure.hpp>
#include <dare/pipeline/output_paths.hpp>
#include <dare/pipeline/product_deltas.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace dare::sweep {
namespace {

constexpr std::chrono::seconds k_between_updates{10};
constexpr int k_update_share = 20;
constexpr std::size_t k_files_together = 128;

// The files of a pass's records, forced to the disk together: many passes have more points than descriptors or memory are there for.
class RecordBatch {
 public:
  void add(FileText file) {
    files_.push_back(std::move(file));
    if (files_.size() == k_files_together) write();
  }
  void write() {
    replace_texts(files_);
    files_.clear();
  }

 private:
  std::vector<FileText> files_;
};

// Of an output's weights.
std::uint64_t bytes_of(const pipeline::Work& work, const pipeline::Product& product) {
  const auto bits = pipeline::write_bits(product, work);
  std::uint64_t bytes = 0;
  for (std::size_t t = 0; t < bits.size(); ++t) bytes += packed_bytes(*checked_elements(product.job.tasks[t].shape), bits[t]);
  return bytes;
}

}  // namespace

void Tally::add(const Tally& other) noexcept {
  for (const auto count : {&Tally::done, &Tally::failed, &Tally::unscored, &Tally::input, &Tally::usage, &Tally::passes, &Tally::bytes_read,
                           &Tally::bytes_written})
    this->*count += other.*count;
  signal = std::max(signal, other.signal);
  broken = std::max(broken, other.broken);
}

void Tally::add_failure(ExitCode code) noexcept {
  ++failed;
  if (code == ExitCode::input) ++input;
  if (code == ExitCode::usage) ++usage;
}

GroupRun::GroupRun(const Shared& shared, const comm::Communicator& group)
    : shared_{shared},
      group_{group},
      evaluated_{shared.dealing, 0},
      results_{shared.places, shared.names},
      retention_{shared.specification.settings(), shared.places},
      updates_{k_between_updates, k_update_share} {
  for (const auto& [point, source] : shared.given) given_by_.emplace(source, point);
}

void GroupRun::run(const std::vector<Batch>& batches, const std::vector<std::uint64_t>& to_score) {
  Dealer dealer{shared_.dealing, batches.size() + to_score.size()};
  while (const auto next = take(dealer)) {
    try {
      if (*next < batches.size()) {
        const auto before = tally_;
        run_batch(batches[*next]);
        if (scores_nothing(before.done, before.unscored)) {
          tally_.broken = 1;
          at_root([&] { dealer.stop(); });
          break;
        }
      } else {
        at_root([&] { score(to_score[*next - batches.size()]); });
      }
    } catch (const comm::AgreedError& error) {
      if (error.code() != ExitCode::interrupted) throw;
      tally_.signal = group_.all_reduce(pipeline::StopSignal::received(), comm::Reduce::max);
      at_root([&] { dealer.stop(); });  // the other groups take nothing more either
      break;
    }
  }
}

// Checkpoints that nothing scores would fill the disk, pass by pass. One point that fails alone after others went well is its own trouble.
bool GroupRun::scores_nothing(std::int64_t done_before, std::int64_t unscored_before) const noexcept {
  const auto unscored = tally_.unscored - unscored_before;
  return shared_.specification.settings().keep != Keep::all && tally_.done == done_before &&
         (unscored > 1 || (unscored == 1 && done_before == 0));
}

std::optional<std::uint64_t> GroupRun::take(Dealer& dealer) const {
  std::int64_t piece = -1;
  group_.agree([&] {
    if (group_.is_root()) piece = static_cast<std::int64_t>(dealer.take().value_or(static_cast<std::uint64_t>(-1)));
  });
  piece = group_.all_reduce(piece, comm::Reduce::max);
  return piece < 0 ? std::nullopt : std::optional{static_cast<std::uint64_t>(piece)};
}

void GroupRun::run_batch(const Batch& batch) {
  const PassWork pass{shared_.specification, shared_.families[batch.family], batch.points, shared_.places.folder, shared_.run};
  for (const auto& refused : pass.refused()) fail(refused.point, refused.error, "");
  if (!pass.points().empty()) {
    for (const auto point : make(pass)) at_root([&] { score(point); });
  }
  at_root([&] { update_results(); });
}

std::vector<std::uint64_t> GroupRun::make(const PassWork& pass) {
  pass_start_ = std::chrono::steady_clock::now();
  try {
    switch (shared_.specification.settings().outputs) {
      case Outputs::model:
        return make_models(pass);
      case Outputs::delta:
        make_deltas(pass);
        break;
      case Outputs::statistics:
        make_statistics(pass);
        break;
    }
  } catch (const comm::AgreedError& error) {
    if (error.code() == ExitCode::interrupted) throw;
    for (std::size_t p = 0; p < pass.points().size(); ++p) { fail(pass.points()[p], error, pass.work().products[p].job.recipe_json); }
  }
  return {};
}

// Its points are computed together, so that no time is one's alone: each has an equal share.
void GroupRun::count_pass(const PassWork& pass, std::uint64_t bytes_read, std::uint64_t bytes_written) noexcept {
  compute_s_ = to_seconds((std::chrono::steady_clock::now() - pass_start_) / static_cast<double>(pass.points().size()));
  ++tally_.passes;
  tally_.bytes_read += static_cast<std::int64_t>(bytes_read);
  tally_.bytes_written += static_cast<std::int64_t>(bytes_written);
}

std::vector<std::uint64_t> GroupRun::make_models(const PassWork& pass) {
  const auto& work = pass.work();
  const auto made_of_pass = pipeline::execute(work, shared_.run, group_);
  const auto& outcomes = made_of_pass.outcomes;
  count_pass(pass, made_of_pass.bytes_read, made_of_pass.bytes_written);
  // First all records: what is made is written down before an evaluation takes its time.
  const bool to_score = !shared_.specification.settings().evaluate.empty();
  for (std::size_t p = 0; p < outcomes.size(); ++p) {
    if (outcomes[p].refusal) fail(pass.points()[p], *outcomes[p].refusal, work.products[p].job.recipe_json);
  }
  at_root([&] {
    RecordBatch batch;
    std::int64_t made = 0;
    for (std::size_t p = 0; p < outcomes.size(); ++p) {
      if (outcomes[p].refusal) continue;
      batch.add(file_of(shared_.places, record_of_model(pass, p, outcomes[p].counts)));
      ++made;
    }
    batch.write();
    if (!to_score) tally_.done += made;  // a point without its record is not done
  });
  std::vector<std::uint64_t> points;
  for (std::size_t p = 0; to_score && p < outcomes.size(); ++p) {
    if (!outcomes[p].refusal) points.push_back(pass.points()[p]);
  }
  return points;
}

void GroupRun::make_statistics(const PassWork& pass) {
  std::vector<pipeline::MeasureFiles> journals;
  for (const auto point : pass.points())
    journals.push_back({shared_.places.sums(shared_.names[point]), shared_.places.passes(shared_.names[point])});
  const auto measured = pipeline::measure(pass.work(), journals, shared_.run, group_);
  const auto& measures = measured.products;
  count_pass(pass, measured.bytes_read, 0);
  for (std::size_t p = 0; p < measures.size(); ++p) {
    if (measures[p].refusal) fail(pass.points()[p], *measures[p].refusal, pass.work().products[p].job.recipe_json);
  }
  at_root([&] {
    RecordBatch batch;
    std::int64_t made = 0;
    for (std::size_t p = 0; p < measures.size(); ++p) {
      if (measures[p].refusal) continue;
      merge::Measures all;
      for (const auto& tensor : measures[p].tensors) all.add(tensor);
      auto record = record_of(pass, p);
      record.statistics = statistics_of(all);
      // What a record stands for is there before it.
      const auto tensors = tensors_csv(pass.work(), measures[p].tensors);
      batch.add({shared_.places.tensors(record.point), tensors});
      batch.add(file_of(shared_.places, record));
      ++made;
      for (auto [one, end] = given_by_.equal_range(pass.points()[p]); one != end; ++one) {
        const auto point = one->second;
        batch.add({shared_.places.tensors(shared_.names[point]), tensors});
        batch.add(file_of(shared_.places, given_record(shared_.specification, point, pass.family(), record)));
        ++made;
      }
    }
    batch.write();
    tally_.done += made;
    for (const auto& journal : journals) {
      remove_quietly(journal.sums);
      remove_quietly(journal.passes);
    }
  });
}

void GroupRun::make_deltas(const PassWork& pass) {
  const auto& work = pass.work();
  std::vector<const recipe::Recipe*> recipes;
  for (std::size_t p = 0; p < work.products.size(); ++p) recipes.push_back(&pass.recipe(p));
  const auto ending = ending_of(shared_.specification.settings().format);
  const auto outcomes = pipeline::write_product_deltas(work, recipes, ending, shared_.run, group_);
  const auto add = [](std::uint64_t bytes, const auto& outcome) { return bytes + outcome.bytes; };
  count_pass(pass, pipeline::delta_cost(work, work.products.front(), shared_.run).bytes_read,
             std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0}, add));
  for (std::size_t p = 0; p < outcomes.size(); ++p) {
    if (outcomes[p].refusal) fail(pass.points()[p], *outcomes[p].refusal, work.products[p].job.recipe_json);
  }
  at_root([&] {
    RecordBatch batch;
    std::int64_t made = 0;
    for (std::size_t p = 0; p < outcomes.size(); ++p) {
      if (outcomes[p].refusal) continue;
      auto record = record_of(pass, p);
      record.statistics = {{"bytes", outcomes[p].bytes}};
      record.output = work.products[p].output.filename().string();
      record.hash = hash_in_manifest(pipeline::OutputPaths{work.products[p].output}.manifest);
      batch.add(file_of(shared_.places, record));
      ++made;
    }
    batch.write();
    tally_.done += made;
  });
}

Record GroupRun::record_of(const PassWork& pass, std::size_t product) const {
  const auto number = pass.points()[product];
  const auto& one = pass.work().products[product];
  Record record;
  record.point = shared_.names[number];
  record.status = Status::done;
  record.identity = identity_of(recipe_hash(one.job.recipe_json, shared_.specification.settings()), pass.family());
  record.contents = pass.family().contents;
  record.inputs = files_of(pass.family());
  record.settings = settings_of(shared_.specification.point(number), one.job.recipe_json);
  record.times[k_compute_seconds] = compute_s_;
  return record;
}

Record GroupRun::record_of_model(const PassWork& pass, std::size_t product, const merge::Counts& counts) const {
  const auto& output = pass.work().products[product].output;
  auto record = record_of(pass, product);
  if (!shared_.specification.settings().evaluate.empty()) {
    record.status = Status::unscored;
    record.error = "not evaluated yet";
  }
  record.statistics = {{"elements_merged", counts.merged},
                       {"elements_lost", counts.swallowed},
                       {"bytes", bytes_of(pass.work(), pass.work().products[product])}};
  record.output = output.filename().string();
  record.hash = hash_in_manifest(pipeline::OutputPaths{output}.manifest);
  keep_scores(record);
  return record;
}

// Of a point that was scored before its checkpoint was deleted.
void GroupRun::keep_scores(Record& record) const {
  const auto& settings = shared_.specification.settings();
  const auto before = read_record(shared_.places.record(record.point));
  if (settings.evaluate.empty() || !before || !before->output.empty()) return;
  if (before->status != Status::done || !has_scores(*before, settings)) return;
  if (before->identity != record.identity || before->hash != record.hash) return;
  record.status = Status::done;
  record.error.clear();
  record.scores = before->scores;
  record.evaluated = before->evaluated;
  if (before->times.contains(k_evaluate_seconds)) record.times[k_evaluate_seconds] = before->times[k_evaluate_seconds];
}

// Rank 0 alone; the tally is brought to the others by at_root().
void GroupRun::score(std::uint64_t point) {
  const auto& settings = shared_.specification.settings();
  const auto file = shared_.places.record(shared_.names[point]);
  auto found = read_record(file);
  if (!found)
    throw InputError{
        fmt::format("{}: is gone, or no record of a point any more; the same command again makes the point anew", file.string())};
  auto& record = *found;
  if (record.status == Status::done && has_scores(record, settings)) {  // of before its checkpoint was deleted
    ++tally_.done;
    retain(point, std::move(record));
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  evaluate(
      settings, shared_.places, [] { return pipeline::StopSignal::received() != 0; }, record);
  const auto elapsed = std::chrono::steady_clock::now() - start;
  record.times[k_evaluate_seconds] = to_seconds(elapsed);
  write_record(shared_.places, record);
  tell(record, elapsed);
  if (record.status == Status::done) {
    ++tally_.done;
  } else {
    ++tally_.unscored;
    comm::print_message(shared_.run.program, fmt::format("point {}: merged, not scored: {}", record.point, record.error));
  }
  retain(point, std::move(record));
  update_results();
}

// A checkpoint that stays costs room, no scores: the end of the run tries once more, and fails where it still cannot be deleted.
void GroupRun::retain(std::uint64_t point, Record record) {
  try {
    retention_.add(point, std::move(record));
  } catch (const Error& error) {
    comm::print_message(shared_.run.program,
                        fmt::format("point {}: scored, a checkpoint is not deleted: {}", shared_.names[point], error.what()));
  }
}

// One write: the groups' lines do not mix. The number is for the reader alone: where it cannot be had the work goes on without it.
void GroupRun::tell(const Record& record, std::chrono::duration<double> elapsed) {
  if (!shared_.tells_scores) return;
  const auto scores = record.status == Status::done ? scores_text(record.scores, shared_.specification.settings().score) : "not scored";
  std::string number;
  try {
    number = fmt::format(" {} of {}", shared_.told_before + evaluated_.count(), shared_.names.size());
  } catch (const IoError&) {}
  comm::write_message(fmt::format("point{}: {}: {} ({:.1f} s)\n", number, record.point, scores, elapsed.count()));
}

void GroupRun::fail(std::uint64_t point, const Error& error, const std::string& recipe_json) {
  at_root([&] {
    Record record;
    record.point = shared_.names[point];
    record.error = error.what();
    if (!recipe_json.empty()) record.settings = settings_of(shared_.specification.point(point), recipe_json);
    comm::print_message(shared_.run.program, fmt::format("point {}: {}", record.point, record.error));
    record_failure(shared_.places, shared_.specification.settings(), record);  // where the disk is full that fails, too
  });
  tally_.add_failure(error.code());
  for (auto [one, end] = given_by_.equal_range(point); one != end; ++one) fail(one->second, error, "");
}

void GroupRun::update_results() {
  if (updates_.due()) updates_.run([&] { results_.write(); });
}

void GroupRun::at_root(const std::function<void()>& work) {
  std::optional<Error> error;
  if (group_.is_root()) {
    try {
      work();
    } catch (const Error& caught) { error = caught; } catch (const std::exception& caught) {
      error = Error{ExitCode::failure, caught.what()};
    }
  }
  std::array<std::int64_t, 5> mine{};
  if (group_.is_root()) mine = {tally_.done, tally_.failed, tally_.unscored, tally_.input, tally_.usage};
  const auto all = sum_idly(group_, mine);
  tally_.done = all[0];
  tally_.failed = all[1];
  tally_.unscored = all[2];
  tally_.input = all[3];
  tally_.usage = all[4];
  group_.agree_on(error);
}

}  // namespace dare::sweep
