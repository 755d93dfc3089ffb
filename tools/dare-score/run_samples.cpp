#include "run_samples.hpp"
#include "core/json_text.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>
#include <dare/metrics/code_samples.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <array>
#include <map>
#include <optional>
#include <span>

namespace dare::score {
namespace {

namespace fs = std::filesystem;

using Hashes = std::vector<std::string>;

// Of each program and all that its result depends on: what a run before found out counts for equal hashes only.
Hashes hashes_of(const Settings& settings, std::size_t n, const metrics::Sandbox::Source& source) {
  const auto& limits = settings.sandbox.limits;
  const auto conditions = fmt::format("{}\n{} {} {} {} {}\n", settings.sandbox.python, limits.seconds, limits.memory, limits.file_size,
                                      limits.output, limits.processes);
  Hashes hashes;
  for (std::size_t i = 0; i < n; ++i) { hashes.push_back(hash_hex(conditions + source(i))); }
  return hashes;
}

// Results in the order of the samples, whatever order they come in; on the disk as soon as their turn comes. What an interrupted run of
// the same samples has left in FILE.part is taken over.
class ResultsFile {
 public:
  ResultsFile(fs::path path, bool overwrite, const std::vector<metrics::CodeSample>& samples, Hashes hashes)
      : path_{std::move(path)},
        part_{path_.string() + ".part"},
        overwrite_{overwrite},
        samples_{samples},
        hashes_{std::move(hashes)},
        results_(samples.size()) {
    refuse_existing();
    file_ = File::open_or_create(part_);
    if (file_.try_lock() == LockState::taken) {
      throw InputError{
          fmt::format("{}: another dare-score is writing it; wait for its end, or name another file with --results", part_.string())};
    }
    refuse_existing();  // the one that had the lock may have ended
    take_over();
  }

  void add(std::size_t index, const metrics::ProgramResult& result) {
    results_[index] = result;
    for (; next_ < results_.size() && results_[next_]; ++next_) {
      const auto line = line_of(next_);
      file_.write_at(size_, std::as_bytes(std::span{line}));
      size_ += line.size();
    }
  }

  void commit() {
    file_.sync();
    // The lock is held until the name is the results': nobody takes the file over meanwhile.
    if (overwrite_) {
      replace_by(part_, path_);
    } else {
      rename_to_new(part_, path_);
    }
    sync_folder(path_.parent_path());
    file_.close();
  }

  [[nodiscard]] const fs::path& part() const { return part_; }
  // Results that are there: of the first so many samples.
  [[nodiscard]] std::size_t done() const { return next_; }
  [[nodiscard]] const metrics::ProgramResult& at(std::size_t index) const { return *results_[index]; }

 private:
  using Json = nlohmann::ordered_json;

  void refuse_existing() const {
    if (overwrite_ || !fs::exists(path_)) return;
    throw InputError{fmt::format("{}: exists; name another file with --results, or replace it with --overwrite", path_.string())};
  }

  // Whole lines, as far as they are results of these programs.
  void take_over() {
    const auto text = read_text(part_);
    while (next_ < samples_.size()) {
      const auto end = text.find('\n', size_);
      if (end == std::string::npos) break;
      const auto result = result_in(text.substr(size_, end - size_));
      if (!result) break;
      results_[next_++] = *result;
      size_ = end + 1;
    }
    file_.resize(size_);
  }

  [[nodiscard]] std::optional<metrics::ProgramResult> result_in(const std::string& line) const {
    const auto json = Json::parse(line, nullptr, false);
    if (!json.is_object() || json.value("program", Json{}) != hashes_[next_] || json.value("task_id", Json{}) != samples_[next_].task_id ||
        json.value("sample", Json{}) != samples_[next_].number) {
      return std::nullopt;
    }
    for (std::size_t v = 0; v < metrics::k_verdicts; ++v) {
      const auto verdict = static_cast<metrics::Verdict>(v);
      if (json.value("result", Json{}) == metrics::name(verdict)) return metrics::ProgramResult{.verdict = verdict};
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string line_of(std::size_t index) const {
    const auto& sample = samples_[index];
    const auto& result = *results_[index];
    const Json json{{"task_id", sample.task_id},
                    {"sample", sample.number},
                    {"passed", result.verdict == metrics::Verdict::passed},
                    {"result", metrics::name(result.verdict)},
                    {"detail", result.detail},
                    {"elapsed_s", result.elapsed_s},
                    {"program", hashes_[index]}};
    return json_text(json) + "\n";
  }

  fs::path path_;
  fs::path part_;
  bool overwrite_;
  const std::vector<metrics::CodeSample>& samples_;
  Hashes hashes_;
  std::vector<std::optional<metrics::ProgramResult>> results_;
  File file_;
  std::size_t next_ = 0;
  std::uint64_t size_ = 0;
};

metrics::Score score_of(const Settings& settings, const std::vector<metrics::CodeSample>& samples, const ResultsFile& file) {
  using metrics::Value;
  metrics::Records results{settings.predictions, "line", {"passed", "task_id"}, {}};
  std::array<std::uint64_t, metrics::k_verdicts> tally{};
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto verdict = file.at(i).verdict;
    ++tally[static_cast<std::size_t>(verdict)];
    metrics::Record record{samples[i].sample->place, {}};
    record.fields["task_id"] = {Value::Kind::text, samples[i].task_id, {}};
    record.fields["passed"] = {Value::Kind::boolean, verdict == metrics::Verdict::passed ? "true" : "false", {}};
    results.records.push_back(std::move(record));
  }
  auto score = metrics::score_results(results, nullptr, settings.scoring);
  score.task = settings.task->name;
  score.counts = {{"samples", samples.size()}};
  for (std::size_t v = 0; v < metrics::k_verdicts; ++v)
    score.counts.emplace_back(metrics::name(static_cast<metrics::Verdict>(v)), tally[v]);
  return score;
}

// Before hours of running, not after.
void require_enough(const Settings& settings, const std::vector<metrics::CodeSample>& samples) {
  std::map<std::string, std::uint64_t> drawn;
  for (const auto& sample : samples) ++drawn[sample.task_id];
  metrics::require_samples(drawn, settings.scoring.k, settings.predictions);
}

}  // namespace

metrics::Score run_samples(const Settings& settings) {
  const auto samples = metrics::read_records(settings.predictions);
  const auto problems = metrics::read_records(*settings.references);
  const auto matched = metrics::match_samples(samples, problems);
  require_enough(settings, matched);
  const auto source = [&](std::size_t i) {
    return metrics::program_of(*settings.task, matched[i], samples, problems, settings.scoring.prediction_field);
  };
  // Makes every program: a field that is missing shows now.
  ResultsFile results{settings.results, settings.overwrite, matched, hashes_of(settings, matched.size(), source)};
  const auto first = results.done();
  if (first > 0) {
    comm::print_message(k_program, fmt::format("{} of {} results are in {} already", first, matched.size(), results.part().string()));
  }
  const pipeline::StopSignal signals;
  metrics::Sandbox sandbox{settings.sandbox};
  if (!sandbox.gaps().empty()) {
    comm::print_message(k_program, fmt::format("programs are not fully shut in on this system: {}", fmt::join(sandbox.gaps(), "; ")));
  }
  try {
    sandbox.run(
        matched.size() - first, [&](std::size_t i) { return source(first + i); }, settings.jobs,
        [&](std::size_t i, const metrics::ProgramResult& result) { results.add(first + i, result); },
        [] { return pipeline::StopSignal::received() != 0; });
  } catch (const Interrupted& error) {
    throw Interrupted{fmt::format("{}; results so far are in {}, the same command does the rest", error.what(), results.part().string())};
  }
  results.commit();
  return score_of(settings, matched, results);
}

}  // namespace dare::score
