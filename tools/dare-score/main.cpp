/// dare-score: how good predictions are, task by task.

#include "app/program.hpp"
#include "report.hpp"
#include "run_samples.hpp"
#include "settings.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/metrics/score.hpp>

#include <cstdio>
#include <string>

namespace dare::score {
namespace {

metrics::Score score(const Settings& settings) {
  using metrics::TaskKind;
  if (settings.task->kind == TaskKind::programs) return run_samples(settings);
  const auto predictions = metrics::read_records(settings.predictions);
  if (settings.task->kind == TaskKind::preferences) return metrics::score_preferences(predictions, settings.scoring);
  if (settings.task->kind == TaskKind::results) {
    if (!settings.references) return metrics::score_results(predictions, nullptr, settings.scoring);
    const auto problems = metrics::read_records(*settings.references);
    return metrics::score_results(predictions, &problems, settings.scoring);
  }
  const auto references = metrics::read_records(*settings.references, settings.task->headerless);
  return metrics::score_pairs(*settings.task, predictions, references, settings.scoring);
}

std::string in_form(const Settings& settings, const metrics::Score& result) {
  if (settings.scores) {
    for (const auto& note : result.notes) comm::print_message(k_program, "note: " + note);  // what one line of numbers cannot say
    return as_scores(result);
  }
  return settings.json ? as_json(result, settings.scoring.bootstrap) : as_text(result, settings.scoring.bootstrap);
}

int run(const app::Given& given) {
  const auto settings = settings_from(given);
  const auto result = score(settings);
  comm::write_result(in_form(settings, result));
  return static_cast<int>(ExitCode::done);
}

}  // namespace
}  // namespace dare::score

int main(int argc, char** argv) {
  using namespace dare;
  return app::run_alone(argc, argv, score::program(), score::run);
}
