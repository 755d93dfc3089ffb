#include "metrics/measured.hpp"
#include "metrics/score_kinds.hpp"

#include <dare/metrics/answers.hpp>

#include <fmt/format.h>

#include <dare/core/error.hpp>

#include <numeric>

namespace dare::metrics {
namespace {

std::optional<std::string> extract(AnswerForm form, const std::string& text) {
  if (form == AnswerForm::gsm8k) return gsm8k_answer(text);
  auto answer = form == AnswerForm::math ? math_answer(text) : plain_answer(text);
  return answer.empty() ? std::nullopt : std::optional{std::move(answer)};
}

}  // namespace

void score_answers(const Task& task, const Matched& matched, const ScoreOptions& options, Score& score) {
  std::vector<std::uint32_t> right;
  std::uint64_t unanswered = 0;
  for (const auto& pair : matched.pairs) {
    const auto expected = extract(task.form, value_of(matched.references, *pair.reference, matched.reference_field).text);
    if (!expected) {
      throw InputError{fmt::format("{}: {} holds no answer{}", matched.references.where(*pair.reference), matched.reference_field,
                                   task.form == AnswerForm::gsm8k ? "; expected a number" : "")};
    }
    const auto given = extract(task.form, value_of(matched.predictions, *pair.prediction, matched.prediction_field).text);
    unanswered += given ? 0U : 1U;
    right.push_back(given == expected ? 1U : 0U);
  }
  score.examples = right.size();
  score.counts.emplace_back("correct", std::accumulate(right.begin(), right.end(), std::uint64_t{0}));
  score.counts.emplace_back("without an answer", unanswered);
  const auto share = [&](std::span<const std::uint32_t> sample) {
    std::uint64_t sum = 0;
    for (const auto i : sample) sum += right[i];
    return static_cast<double>(sum) / static_cast<double>(sample.size());
  };
  add_measured(score, std::string{name(Measure::exact_match)}, share, options.bootstrap);
}

}  // namespace dare::metrics
