#include "sweep/scoring.hpp"

#include "sweep/evaluation.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <string>
#include <utility>

namespace dare::sweep {

Scoring::Scoring(const Shared& shared) : shared_{shared}, evaluated_{shared.dealing, 0}, retention_{shared.settings(), shared.places} {}

bool Scoring::score(std::uint64_t point) {
  const auto& settings = shared_.settings();
  const auto file = shared_.places.record(shared_.names[point]);
  auto record = read_record(file);
  if (!record)
    throw InputError{
        fmt::format("{}: is gone, or no record of a point any more; the same command again makes the point anew", file.string())};
  const bool scored_before = record->status == Status::done && has_scores(*record, settings);  // its checkpoint was deleted then
  if (!scored_before) {
    const auto start = std::chrono::steady_clock::now();
    evaluate(
        settings, shared_.places, [] { return pipeline::StopSignal::received() != 0; }, *record);
    const auto elapsed = std::chrono::steady_clock::now() - start;
    record->times[k_evaluate_seconds] = to_seconds(elapsed);
    write_record(shared_.places, *record);
    tell(*record, elapsed);
  }
  const bool done = record->status == Status::done;
  retain(point, *std::move(record));
  return done;
}

// A checkpoint that stays costs room, no scores: the end of the run tries once more, and fails where it still cannot be deleted.
void Scoring::retain(std::uint64_t point, Record record) {
  try {
    retention_.add(point, std::move(record));
  } catch (const Error& error) {
    comm::print_message(shared_.run.program,
                        fmt::format("point {}: scored, a checkpoint is not deleted: {}", shared_.names[point], error.what()));
  }
}

// One write a line: those of the groups do not mix. The number is for the reader alone: where it cannot be had the work goes on without it.
void Scoring::tell(const Record& record, std::chrono::duration<double> elapsed) {
  const bool done = record.status == Status::done;
  if (shared_.tells_scores) {
    std::string number;
    try {
      number = fmt::format(" {} of {}", shared_.told_before + evaluated_.count(), shared_.names.size());
    } catch (const IoError&) {}
    comm::write_message(fmt::format("point{}: {}: {} ({:.1f} s)\n", number, record.point,
                                    done ? scores_text(record.scores, shared_.settings().score) : "not scored", elapsed.count()));
  }
  if (!done) comm::print_message(shared_.run.program, fmt::format("point {}: merged, not scored: {}", record.point, record.error));
}

}  // namespace dare::sweep
