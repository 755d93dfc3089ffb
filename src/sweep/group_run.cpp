#include "sweep/group_run.hpp"

#include "sweep/equal_points.hpp"
#include "sweep/folder.hpp"
#include "sweep/measures.hpp"
#include "sweep/pass_records.hpp"
#include "sweep/standing.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/execute.hpp>
#include <dare/pipeline/measure.hpp>
#include <dare/pipeline/product_deltas.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <numeric>
#include <utility>

namespace dare::sweep {
namespace {

constexpr std::chrono::seconds k_between_updates{10};
constexpr int k_update_share = 20;

}  // namespace

GroupRun::GroupRun(const Shared& shared, const comm::Communicator& group)
    : shared_{shared}, group_{group}, scoring_{shared}, results_{shared.places, shared.names}, updates_{k_between_updates, k_update_share} {
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
        score(to_score[*next - batches.size()]);
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
  return shared_.settings().keep != Keep::all && tally_.done == done_before && (unscored > 1 || (unscored == 1 && done_before == 0));
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
  std::vector<Failed> failed;
  for (const auto& refused : pass.refused()) failed.push_back({refused.point, refused.why, ""});
  fail(std::move(failed));
  if (!pass.points().empty()) {
    for (const auto point : make(pass)) score(point);
  }
  at_root([&] { update_results(); });
}

std::vector<std::uint64_t> GroupRun::make(const PassWork& pass) {
  pass_start_ = std::chrono::steady_clock::now();
  try {
    switch (shared_.settings().outputs) {
      case Outputs::model:
        return make_models(pass);
      case Outputs::delta:
        return make_deltas(pass);
      case Outputs::statistics:
        return make_statistics(pass);
    }
  } catch (const comm::AgreedError& error) {
    if (error.code() == ExitCode::interrupted) throw;
    std::vector<Failed> failed;
    for (std::size_t p = 0; p < pass.points().size(); ++p)
      failed.push_back({pass.points()[p], Refusal{error}, pass.work().products[p].job.recipe_json});
    fail(std::move(failed));
  }
  return {};
}

// Its points are computed together, so that no time is one's alone: each has an equal share.
double GroupRun::count_pass(const PassWork& pass, std::uint64_t bytes_read, std::uint64_t bytes_written) noexcept {
  ++tally_.passes;
  tally_.bytes_read += static_cast<std::int64_t>(bytes_read);
  tally_.bytes_written += static_cast<std::int64_t>(bytes_written);
  return to_seconds((std::chrono::steady_clock::now() - pass_start_) / static_cast<double>(pass.points().size()));
}

template <class Outcome, class Add>
std::vector<std::uint64_t> GroupRun::write_down(const PassWork& pass, const std::vector<Outcome>& outcomes, const Add& add) {
  std::vector<std::size_t> made;
  std::vector<Failed> failed;
  for (std::size_t p = 0; p < outcomes.size(); ++p) {
    if (outcomes[p].refusal) failed.push_back({pass.points()[p], Refusal{*outcomes[p].refusal}, pass.work().products[p].job.recipe_json});
    else made.push_back(p);
  }
  fail(std::move(failed));
  const bool to_score = !shared_.settings().evaluate.empty();
  // All records first: what is made is written down before an evaluation takes its time.
  at_root([&] {
    RecordBatch batch{shared_.places};
    for (const auto p : made) add(p, batch);
    batch.write();
    if (!to_score) tally_.done += batch.records();  // a point without its record is not done
  });
  std::vector<std::uint64_t> points;
  for (const auto p : made) {
    if (to_score) points.push_back(pass.points()[p]);
  }
  return points;
}

std::vector<std::uint64_t> GroupRun::make_models(const PassWork& pass) {
  const auto made = pipeline::execute(pass.work(), shared_.run, group_);
  const PassRecords records{shared_, pass, count_pass(pass, made.bytes_read, made.bytes_written)};
  return write_down(pass, made.outcomes,
                    [&](std::size_t p, RecordBatch& batch) { batch.add(records.of_model(p, made.outcomes[p].counts)); });
}

std::vector<std::uint64_t> GroupRun::make_statistics(const PassWork& pass) {
  std::vector<pipeline::MeasureFiles> journals;
  for (const auto point : pass.points())
    journals.push_back({shared_.places.sums(shared_.names[point]), shared_.places.passes(shared_.names[point])});
  const auto measured = pipeline::measure(pass.work(), journals, shared_.run, group_);
  const PassRecords records{shared_, pass, count_pass(pass, measured.bytes_read, 0)};
  auto to_score = write_down(pass, measured.products, [&](std::size_t p, RecordBatch& batch) {
    const auto record = records.of_statistics(p, measured.products[p].tensors);
    const auto tensors = tensors_csv(pass.work(), measured.products[p].tensors);
    // What a record stands for is there before it.
    batch.add({shared_.places.tensors(record.point), tensors});
    batch.add(record);
    for (auto [one, end] = given_by_.equal_range(pass.points()[p]); one != end; ++one) {
      batch.add({shared_.places.tensors(shared_.names[one->second]), tensors});
      batch.add(given_record(shared_.specification, one->second, pass.family(), record));
    }
  });
  at_root([&] {
    for (const auto& journal : journals) {
      remove_quietly(journal.sums);
      remove_quietly(journal.passes);
    }
  });
  return to_score;
}

std::vector<std::uint64_t> GroupRun::make_deltas(const PassWork& pass) {
  const auto& work = pass.work();
  std::vector<const recipe::Recipe*> recipes;
  for (std::size_t p = 0; p < work.products.size(); ++p) recipes.push_back(&pass.recipe(p));
  const auto ending = ending_of(shared_.specification.settings().format);
  const auto made = pipeline::write_product_deltas(work, recipes, ending, shared_.run, group_);
  const auto add = [](std::uint64_t bytes, const auto& outcome) { return bytes + outcome.bytes; };
  const auto seconds = count_pass(pass, pipeline::delta_cost(work, work.products.front(), shared_.run).bytes_read,
                                  std::accumulate(made.begin(), made.end(), std::uint64_t{0}, add));
  const PassRecords records{shared_, pass, seconds};
  return write_down(pass, made, [&](std::size_t p, RecordBatch& batch) { batch.add(records.of_deltas(p, made[p].bytes)); });
}

void GroupRun::score(std::uint64_t point) {
  at_root([&] {
    ++(scoring_.score(point) ? tally_.done : tally_.unscored);
    update_results();
  });
}

void GroupRun::fail(std::vector<Failed> points) {
  if (points.empty()) return;
  const auto own = points.size();
  for (std::size_t i = 0; i < own; ++i) {
    for (auto [one, end] = given_by_.equal_range(points[i].point); one != end; ++one) points.push_back({one->second, points[i].why, ""});
  }
  at_root([&] {
    PointProblems told{shared_.names.size()};
    for (const auto& one : points) told.add(shared_.names[one.point], one.why);
    for (const auto& text : told.texts()) comm::print_message(shared_.run.program, text);
    for (const auto& one : points) {
      Record record;
      record.point = shared_.names[one.point];
      record.error = one.why.text();
      if (!one.recipe_json.empty()) record.settings = settings_of(shared_.specification.point(one.point), one.recipe_json);
      record_failure(shared_.places, shared_.settings(), record);  // where the disk is full that fails, too
    }
  });
  for (const auto& one : points) tally_.add_failure(one.why.code);
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
  tally_ = roots_tally(tally_, group_);
  group_.agree_on(error);
}

}  // namespace dare::sweep
