#include "metrics/measured.hpp"
#include "metrics/score_kinds.hpp"

#include <dare/metrics/pass_at_k.hpp>

#include <fmt/format.h>

#include <dare/core/error.hpp>

#include <map>

namespace dare::metrics {
namespace {

struct Tally {
  std::string id;
  const Record* first;
  std::uint64_t samples = 0;
  std::uint64_t passed = 0;
};

bool passed(const Records& results, const Record& record) {
  const auto& text = value_of(results, record, "passed").text;
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  throw InputError{fmt::format("{}: passed \"{}\", expected true or false", results.where(record), text)};
}

// In the order in which tasks appear.
std::vector<Tally> tally(const Records& results) {
  if (results.records.empty()) throw InputError{fmt::format("{}: no records; expected at least one", results.path.string())};
  std::vector<Tally> tallies;
  std::map<std::string, std::size_t> places;
  for (const auto& record : results.records) {
    const auto& id = value_of(results, record, "task_id").text;
    const auto [place, is_new] = places.emplace(id, tallies.size());
    if (is_new) tallies.push_back({id, &record});
    auto& entry = tallies[place->second];
    ++entry.samples;
    entry.passed += passed(results, record) ? 1U : 0U;
  }
  return tallies;
}

void require_same_tasks(const Records& results, const std::vector<Tally>& tallies, const Records& problems) {
  std::map<std::string, const Record*> known;
  for (const auto& problem : problems.records) {
    const auto& id = value_of(problems, problem, "task_id").text;
    if (!known.emplace(id, &problem).second) throw InputError{fmt::format("{}: task_id \"{}\" stands twice", problems.where(problem), id)};
  }
  for (const auto& entry : tallies) {
    if (known.erase(entry.id) == 0) {
      throw InputError{fmt::format("{}: task_id \"{}\" is not among the {} of {}", results.where(*entry.first), entry.id,
                                   problems.records.size(), problems.path.string())};
    }
  }
  if (known.empty()) return;
  const auto& [id, problem] = *known.begin();
  throw InputError{fmt::format("{}: no sample for task_id \"{}\" of {}{}; sample every problem", results.path.string(), id,
                               problems.where(*problem), known.size() > 1 ? fmt::format(" (one of {} such)", known.size()) : "")};
}

}  // namespace

Score score_results(const Records& results, const Records* problems, const ScoreOptions& options) {
  const auto tallies = tally(results);
  if (problems != nullptr) require_same_tasks(results, tallies, *problems);
  Score score{.task = "pass-at-k", .examples = tallies.size()};
  std::uint64_t all_passed = 0;
  for (const auto& entry : tallies) all_passed += entry.passed;
  score.counts = {{"samples", results.records.size()}, {"passed", all_passed}};
  for (const auto k : options.k) {
    std::vector<double> estimates;
    for (const auto& entry : tallies) {
      if (entry.samples < k) {
        throw InputError{fmt::format("{}: task_id \"{}\" has {} samples, pass@{} needs {} of every task; draw more or give a smaller --k",
                                     results.path.string(), entry.id, entry.samples, k, k)};
      }
      estimates.push_back(pass_at_k(entry.samples, entry.passed, k));
    }
    const auto mean = [&](std::span<const std::uint32_t> sample) {
      double sum = 0;
      for (const auto i : sample) sum += estimates[i];
      return sum / static_cast<double>(sample.size());
    };
    add_measured(score, fmt::format("pass@{}", k), mean, options.bootstrap);
  }
  return score;
}

}  // namespace dare::metrics
