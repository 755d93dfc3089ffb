#include "settings.hpp"

#include "app/option_values.hpp"
#include "help.hpp"
#include "recipe/nearest.hpp"
#include "recipe/numbers.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <limits>

namespace dare::score {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

// Read here and not by the option parser, which takes "-1" for a large unsigned number.
std::uint64_t whole_number(const std::string& option, const std::string& text, std::uint64_t least, std::uint64_t most) {
  const auto number = recipe::whole_in(text);
  if (number && *number >= least && *number <= most) return *number;
  throw UsageError{fmt::format("--{} {}: give a whole number from {} to {}", option, text, least, most)};
}

std::uint64_t whole_number(const app::Given& given, const std::string& option, std::uint64_t least, std::uint64_t most) {
  return whole_number(option, given[option].as<std::string>(), least, most);
}

double real_number(const app::Given& given, const std::string& option, double above, double below) {
  const auto text = given[option].as<std::string>();
  const auto number = recipe::number_in(text);
  if (number && *number > above && *number < below) return *number;
  throw UsageError{fmt::format("--{} {}: give a number above {} and below {}", option, text, above, below)};
}

std::string text_or_empty(const app::Given& given, const std::string& option) {
  return given.count(option) != 0 ? given[option].as<std::string>() : std::string{};
}

const metrics::Task& task_of(const std::string& word) {
  std::vector<std::string_view> names;
  for (const auto& task : metrics::tasks()) {
    if (task.name == word) return task;
    names.push_back(task.name);
  }
  if (const auto nearest = recipe::nearest_of(word, names))
    throw UsageError{fmt::format("no task \"{}\"; did you mean {}?", word, *nearest)};
  return metrics::task_named(word);  // which lists them all
}

void read_words(const app::Given& given, Settings& settings) {
  const auto words = app::positional_words(given);
  if (words.empty()) throw UsageError{"no TASK; see dare-score --help"};
  settings.task = &task_of(words.front());
  const auto kind = settings.task->kind;
  const auto needs = kind == metrics::TaskKind::results || kind == metrics::TaskKind::preferences ? 2U : 3U;
  const auto takes = kind == metrics::TaskKind::preferences ? 2U : 3U;
  if (words.size() < needs || words.size() > takes) {
    constexpr auto k_programs = metrics::TaskKind::programs;
    const auto* expected = kind == metrics::TaskKind::results       ? "RESULTS [PROBLEMS]"
                           : kind == metrics::TaskKind::preferences ? "ANNOTATIONS"
                           : kind == k_programs                     ? "SAMPLES PROBLEMS"
                                                                    : "PREDICTIONS REFERENCES";
    throw UsageError{fmt::format("{} takes {}; given are {} files", words.front(), expected, words.size() - 1)};
  }
  settings.predictions = words[1];
  if (words.size() > 2) settings.references = words[2];
}

// An option that does nothing would let its user believe that it did.
void refuse_useless(const app::Given& given, const metrics::Task& task) {
  using Kind = metrics::TaskKind;
  const auto refuse = [&](bool of_use, std::initializer_list<const char*> options) {
    for (const auto* option : options) {
      if (!of_use && given.count(option) != 0 && !given[option].defaulted()) {
        throw UsageError{fmt::format("--{}: does nothing for {}; leave it out", option, task.name)};
      }
    }
  };
  const auto programs = task.kind == Kind::programs;
  const auto pairs = task.kind == Kind::labels || task.kind == Kind::numbers || task.kind == Kind::answers;
  refuse(pairs, {"id", "reference-field"});
  refuse(pairs || programs, {"prediction-field"});
  refuse(task.kind == Kind::labels, {"positive"});
  refuse(task.kind == Kind::results || programs, {"k"});
  refuse(programs, {"allow-code-execution", "python", "timeout", "memory", "file-size", "output-size", "processes", "jobs", "scratch",
                    "results", "overwrite"});
}

void read_scoring(const app::Given& given, metrics::ScoreOptions& scoring) {
  scoring.id_field = text_or_empty(given, "id");
  scoring.prediction_field = text_or_empty(given, "prediction-field");
  scoring.reference_field = text_or_empty(given, "reference-field");
  scoring.positive = text_or_empty(given, "positive");
  scoring.bootstrap.resamples = static_cast<unsigned>(whole_number(given, "bootstrap", 0, 1'000'000));
  scoring.bootstrap.confidence = real_number(given, "confidence", 0, 1);
  scoring.bootstrap.seed = whole_number(given, "seed", 0, std::numeric_limits<std::uint64_t>::max());
  if (given.count("k") == 0) return;
  scoring.k.clear();
  for (const auto& text : given["k"].as<Words>()) scoring.k.push_back(whole_number("k", text, 1, 1'000'000));
}

void read_sandbox(const app::Given& given, Settings& settings) {
  auto& limits = settings.sandbox.limits;
  limits.seconds = real_number(given, "timeout", 0, 86'400);
  limits.memory = app::size_value(given, "memory");
  limits.file_size = app::size_value(given, "file-size");
  limits.output = app::size_value(given, "output-size");
  limits.processes = static_cast<unsigned>(whole_number(given, "processes", 1, 10'000));
  settings.sandbox.python = given["python"].as<std::string>();
  if (given.count("scratch") != 0) settings.sandbox.scratch = given["scratch"].as<std::string>();
  settings.jobs = static_cast<unsigned>(whole_number(given, "jobs", 1, 64));
  settings.overwrite = given["overwrite"].as<bool>();
  const auto results = text_or_empty(given, "results");
  settings.results = !results.empty() ? results : settings.predictions.string() + ".results.jsonl";
  if (settings.task->kind == metrics::TaskKind::programs && !given["allow-code-execution"].as<bool>()) {
    throw UsageError{
        fmt::format("{} runs the programs in {} on this machine; read \"Running programs\" in --help, then add --allow-code-execution",
                    settings.task->name, settings.predictions.string())};
  }
}

po::typed_value<std::string>* text(const char* name) {
  return po::value<std::string>()->value_name(name);
}
template <class Number>
po::typed_value<std::string>* number(const char* name, Number value) {
  return text(name)->default_value(fmt::format("{}", value));
}
po::typed_value<std::string>* size(std::uint64_t bytes) {
  return text("SIZE")->default_value(exact_byte_size(bytes));
}

std::vector<po::options_description> option_groups() {
  const metrics::BootstrapOptions bootstrap;
  const metrics::SandboxLimits limits;
  po::options_description data{"Data"};
  data.add_options()("id", text("FIELD"), "match predictions and references by this field of both")  //
      ("prediction-field", text("FIELD"), "where predictions (completions) stand")                   //
      ("reference-field", text("FIELD"), "where right values stand")                                 //
      ("positive", text("LABEL"), "also the F1 of this class (mrpc, qqp: 1)")                        //
      ("k", po::value<Words>()->value_name("K"), "pass@K; repeat for several (default 1)");
  po::options_description intervals{"Intervals"};
  intervals.add_options()("bootstrap", number("N", bootstrap.resamples), "resamples; 0: no intervals")  //
      ("confidence", number("C", bootstrap.confidence), "share of resamples inside the interval")       //
      ("seed", number("S", bootstrap.seed), "equal seeds give equal intervals");
  po::options_description programs{"Running programs (humaneval, mbpp)"};
  programs.add_options()("allow-code-execution", po::bool_switch(), "needed: generated programs are run here")  //
      ("python", app::path_value("PATH")->default_value("python3"), "the interpreter")                          //
      ("timeout", number("S", limits.seconds), "seconds for one program")                                       //
      ("memory", size(limits.memory), "of a process, and of all of a program together")                         //
      ("file-size", size(limits.file_size), "of a file, and of the scratch folder")                             //
      ("output-size", size(limits.output), "printed by one program")                                            //
      ("processes", number("N", limits.processes), "processes and threads of one program")                      //
      ("jobs", number("N", k_jobs), "programs at a time")                                                       //
      ("scratch", app::path_value("FOLDER"), "scratch folders are made in here (default: the system's)")        //
      ("results", app::path_value("FILE"), "result of each sample, JSONL (default SAMPLES.results.jsonl)")      //
      ("overwrite", po::bool_switch(), "replace that file");
  po::options_description output{"Output"};
  output.add_options()("json", po::bool_switch(), "as JSON")  //
      ("scores", po::bool_switch(), "as one line, {\"accuracy\": 0.91}, as dare-sweep's evaluate wants it; notes go to stderr");
  return {data, intervals, programs, output};
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const auto& task : metrics::tasks()) names.push_back(task.name);
  return names;
}

}  // namespace

app::Program program() {
  return {.name = k_program,
          .summary = "scores predictions against references",
          .usage = {"TASK PREDICTIONS REFERENCES [options]", "pass-at-k RESULTS [PROBLEMS] [options]", "alpaca-eval ANNOTATIONS [options]",
                    "humaneval|mbpp SAMPLES PROBLEMS --allow-code-execution [options]"},
          .description =
              "Prints each measure of the task with a bootstrap interval. Values are fractions from 0 to 1 (correlations: -1 to 1), not "
              "percent.",
          .groups = option_groups(),
          .positional = "words",
          .first_words = task_names(),
          .sections = sections(),
          .files = {{"SAMPLES.results.jsonl", "humaneval, mbpp: the result of each sample (--results)"}},
          .examples = {{"GLUE, in its own files", "dare-score rte RTE.tsv glue/RTE/dev.tsv"},
                       {"GSM8K, the answer is taken out of the generated text",
                        "dare-score gsm8k generations.jsonl gsm8k/test.jsonl --prediction-field generation --json"},
                       {"Any classification", "dare-score classification p.csv r.csv --positive spam --bootstrap 10000"},
                       {"HumanEval: runs generated programs here",
                        "dare-score humaneval samples.jsonl HumanEval.jsonl --allow-code-execution --jobs 8 --k 1 --k 10"},
                       {"From results that are there", "dare-score pass-at-k samples.jsonl.results.jsonl --k 1 --k 10"},
                       {"In dare-sweep's evaluate, after a program of yours has written predictions",
                        "dare-score sst2 predictions.txt dev.tsv --scores"},
                       {"Win rate", "dare-score alpaca-eval annotations.json"}},
          .exits = {{ExitCode::done, "done"},
                    {ExitCode::failure, "runtime failure: reading, writing"},
                    {ExitCode::usage, "the command line is wrong"},
                    {ExitCode::input, "bad input, or the results file exists"},
                    {ExitCode::interrupted, "stopped by a signal; the same command does the rest"}},
          .see_also = {"dare-sweep", "dare-merge"}};
}

Settings settings_from(const app::Given& given) {
  Settings settings{};
  read_words(given, settings);
  refuse_useless(given, *settings.task);
  read_scoring(given, settings.scoring);
  read_sandbox(given, settings);
  settings.json = given["json"].as<bool>();
  settings.scores = given["scores"].as<bool>();
  if (settings.json && settings.scores) throw UsageError{"--json and --scores are two forms of one result; give one"};
  if (settings.scores) settings.scoring.bootstrap.resamples = 0;  // it shows no intervals
  return settings;
}

}  // namespace dare::score
