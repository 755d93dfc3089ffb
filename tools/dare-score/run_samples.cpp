#include "run_samples.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
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

// Results in the order of the samples, whatever order they come in; on the disk as soon as their turn comes.
class ResultsFile {
 public:
  ResultsFile(fs::path path, bool overwrite, const std::vector<metrics::CodeSample>& samples)
      : path_{std::move(path)}, part_{path_.string() + ".part"}, overwrite_{overwrite}, samples_{samples}, results_(samples.size()) {
    if (!overwrite_ && fs::exists(path_)) {
      throw InputError{fmt::format("{}: exists; name another file with --results, or replace it with --overwrite", path_.string())};
    }
    fs::remove(part_);
    file_ = File::create(part_);
  }

  void add(std::size_t index, const metrics::ProgramResult& result) {
    results_[index] = result;
    for (; next_ < results_.size() && results_[next_]; ++next_) {
      const auto line = line_of(samples_[next_], *results_[next_]);
      file_.write_at(size_, std::as_bytes(std::span{line}));
      size_ += line.size();
    }
  }

  void commit() {
    file_.sync();
    file_.close();
    if (overwrite_) {
      fs::rename(part_, path_);
    } else {
      rename_to_new(part_, path_);
    }
  }

  [[nodiscard]] const fs::path& part() const { return part_; }
  [[nodiscard]] const metrics::ProgramResult& at(std::size_t index) const { return *results_[index]; }

 private:
  static std::string line_of(const metrics::CodeSample& sample, const metrics::ProgramResult& result) {
    const nlohmann::ordered_json json{{"task_id", sample.task_id},
                                      {"sample", sample.number},
                                      {"passed", result.verdict == metrics::Verdict::passed},
                                      {"result", metrics::name(result.verdict)},
                                      {"detail", result.detail},
                                      {"elapsed_s", result.elapsed_s}};
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }

  fs::path path_;
  fs::path part_;
  bool overwrite_;
  const std::vector<metrics::CodeSample>& samples_;
  std::vector<std::optional<metrics::ProgramResult>> results_;
  File file_;
  std::size_t next_ = 0;
  std::uint64_t size_ = 0;
};

metrics::Score score_of(const Settings& settings, const std::vector<metrics::CodeSample>& samples, const ResultsFile& file) {
  using metrics::Value;
  metrics::Records results{settings.predictions, "line", {"passed", "task_id"}, {}};
  constexpr std::size_t k_verdicts = 5;
  std::array<std::uint64_t, k_verdicts> tally{};
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
  for (std::size_t v = 0; v < k_verdicts; ++v) score.counts.emplace_back(metrics::name(static_cast<metrics::Verdict>(v)), tally[v]);
  return score;
}

// Before hours of running, not after.
void require_samples(const Settings& settings, const std::vector<metrics::CodeSample>& samples) {
  std::map<std::string, std::uint64_t> drawn;
  for (const auto& sample : samples) ++drawn[sample.task_id];
  for (const auto k : settings.scoring.k) {
    for (const auto& [id, n] : drawn) {
      if (n < k) {
        throw InputError{fmt::format("{}: task_id \"{}\" has {} samples, pass@{} needs {} of every task; draw more or give a smaller --k",
                                     settings.predictions.string(), id, n, k, k)};
      }
    }
  }
}

}  // namespace

metrics::Score run_samples(const Settings& settings) {
  const auto samples = metrics::read_records(settings.predictions);
  const auto problems = metrics::read_records(*settings.references);
  const auto matched = metrics::match_samples(samples, problems);
  require_samples(settings, matched);
  const auto source = [&](std::size_t i) {
    return metrics::program_of(*settings.task, matched[i], samples, problems, settings.scoring.prediction_field);
  };
  for (std::size_t i = 0; i < matched.size(); ++i) static_cast<void>(source(i));  // a field that is missing shows now
  ResultsFile results{settings.results, settings.overwrite, matched};
  const pipeline::StopSignal signals;
  metrics::Sandbox sandbox{settings.sandbox};
  if (!sandbox.gaps().empty()) {
    comm::print_message(k_program, fmt::format("programs are not fully shut in on this system: {}", fmt::join(sandbox.gaps(), "; ")));
  }
  try {
    sandbox.run(
        matched.size(), source, settings.jobs, [&](std::size_t i, const metrics::ProgramResult& result) { results.add(i, result); },
        [] { return pipeline::StopSignal::received() != 0; });
  } catch (const Interrupted& error) {
    throw Interrupted{fmt::format("{}; results so far are in {}", error.what(), results.part().string())};
  }
  results.commit();
  return score_of(settings, matched, results);
}

}  // namespace dare::score
