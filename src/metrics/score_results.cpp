#include "metrics/measured.hpp"
#include "metrics/score_kinds.hpp"

#include <dare/metrics/code_samples.hpp>
#include <dare/metrics/pass_at_k.hpp>

#include <fmt/format.h>

#include <dare/core/error.hpp>

#include <map>

namespace dare::metrics {
namespace {

struct Tally {
  std::string id;
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
    if (is_new) tallies.push_back({id});
    auto& entry = tallies[place->second];
    ++entry.samples;
    entry.passed += passed(results, record) ? 1U : 0U;
  }
  return tallies;
}

}  // namespace

void require_samples(const std::map<std::string, std::uint64_t>& samples_of, const std::vector<std::uint64_t>& k,
                     const std::filesystem::path& file) {
  for (const auto needed : k) {
    for (const auto& [id, n] : samples_of) {
      if (n >= needed) continue;
      throw InputError{fmt::format("{}: task_id \"{}\" has {} samples, pass@{} needs {} of every task; draw more or give a smaller --k",
                                   file.string(), id, n, needed, needed)};
    }
  }
}

Score score_results(const Records& results, const Records* problems, const ScoreOptions& options) {
  const auto tallies = tally(results);
  if (problems != nullptr) static_cast<void>(match_samples(results, *problems));
  std::map<std::string, std::uint64_t> samples_of;
  for (const auto& entry : tallies) samples_of.emplace(entry.id, entry.samples);
  require_samples(samples_of, options.k, results.path);
  Score score{.task = "pass-at-k", .examples = tallies.size()};
  std::uint64_t all_passed = 0;
  for (const auto& entry : tallies) all_passed += entry.passed;
  score.counts = {{"samples", results.records.size()}, {"passed", all_passed}};
  for (const auto k : options.k) {
    std::vector<double> estimates;
    for (const auto& entry : tallies) { estimates.push_back(pass_at_k(entry.samples, entry.passed, k)); }
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
