#include "app/run_options.hpp"

#include "app/option_values.hpp"
#include "recipe/names.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace dare::app {
namespace {

namespace po = boost::program_options;
using pipeline::LogLevel;
using pipeline::ProgressStyle;

constexpr recipe::Words<ProgressStyle, 4> k_progress{
    {{"auto", ProgressStyle::automatic}, {"bar", ProgressStyle::bar}, {"plain", ProgressStyle::plain}, {"off", ProgressStyle::off}}};
constexpr recipe::Words<LogLevel, 3> k_log_level{{{"error", LogLevel::error}, {"info", LogLevel::info}, {"debug", LogLevel::debug}}};

// One of a few words, as an enumeration.
template <class Enum, std::size_t N>
Enum choice(const Given& given, const std::string& option, const recipe::Words<Enum, N>& words) {
  const auto& text = given[option].as<std::string>();
  if (const auto value = recipe::value_of(words, text)) return *value;
  throw UsageError{fmt::format("--{} {}: give one of {}", option, text, fmt::join(words_of_table(words), ", "))};
}

template <class Enum, std::size_t N>
std::string default_of(const recipe::Words<Enum, N>& words, Enum value) {
  return std::string{recipe::word_for(words, value)};
}

}  // namespace

void add_memory_option(po::options_description& group) {
  const auto most = exact_byte_size(plan::Limits{}.memory_per_rank);
  group.add_options()("memory-per-rank", po::value<std::string>()->default_value(most)->value_name("SIZE"), "buffers of one rank");
}

po::options_description run_options_group(const RunWords& words) {
  const pipeline::RunOptions otherwise;
  po::options_description group{"Running"};
  auto add = group.add_options();
  add("writers", word_value("W", {"node", "all"})->default_value("all"), "ranks that write: all, node (one a node), or a number");
  add_memory_option(group);
  add("shard-size", po::value<std::string>()->default_value(exact_byte_size(otherwise.shard_size))->value_name("SIZE"),
      "largest shard of a folder");
  add("resume", po::bool_switch(), words.resume.c_str());
  add("restart", po::bool_switch(), words.restart.c_str());
  add("overwrite", po::bool_switch(), words.overwrite.c_str());
  if (!words.hash_inputs.empty()) add("hash-inputs", po::bool_switch(), words.hash_inputs.c_str());
  add("progress", word_value("P", words_of_table(k_progress))->default_value(default_of(k_progress, otherwise.progress)),
      "auto, bar, plain or off");
  add("log-level", word_value("L", words_of_table(k_log_level))->default_value(default_of(k_log_level, otherwise.log_level)),
      fmt::format("error: nothing but errors; info: {} too; debug: what each stage decides, and when", words.notes).c_str());
  add("json", po::bool_switch(), words.json.c_str());
  return group;
}

pipeline::RunOptions run_options_from(const Given& given, const std::string& program) {
  pipeline::RunOptions options;
  options.program = program;
  options.limits.writers = plan::Writers::parse(given["writers"].as<std::string>());
  options.limits.memory_per_rank = size_value(given, "memory-per-rank");
  options.shard_size = size_value(given, "shard-size");
  if (options.shard_size == 0) throw UsageError{"--shard-size 0: give a size above 0"};
  const bool restart = given["restart"].as<bool>();
  if (given["resume"].as<bool>()) options.unfinished = pipeline::Unfinished::resume;
  if (restart && options.resumes()) throw UsageError{"--resume goes on with what is done, --restart removes it; give one of them"};
  if (restart) options.unfinished = pipeline::Unfinished::restart;
  options.overwrite = given["overwrite"].as<bool>();
  options.hash_inputs = given.count("hash-inputs") != 0 && given["hash-inputs"].as<bool>();
  options.json = given["json"].as<bool>();
  options.progress = choice(given, "progress", k_progress);
  options.log_level = choice(given, "log-level", k_log_level);
  return options;
}

void set_meaning(std::vector<ExitMeaning>& exits, ExitCode code, std::string meaning) {
  const auto at = std::find_if(exits.begin(), exits.end(), [&](const auto& exit) { return exit.code >= code; });
  if (at != exits.end() && at->code == code) at->meaning = std::move(meaning);
  else exits.insert(at, {code, std::move(meaning)});
}

std::vector<ExitMeaning> run_exit_meanings(const std::string& output) {
  return {{ExitCode::done, "done"},
          {ExitCode::failure,
           "runtime failure: reading, writing, a disk that is full meanwhile, a lost rank; what was done is kept for --resume"},
          {ExitCode::usage, "the command line or the recipe is wrong, whatever else is; nothing was written"},
          {ExitCode::input, "an input is missing, damaged or does not fit the others, " + output +
                                " exists or does not fit the free space, or it is begun and neither --resume nor --restart is given"},
          {ExitCode::interrupted, "stopped by a signal (TERM, INT, USR1); finished blocks are kept, go on with --resume"}};
}

}  // namespace dare::app
