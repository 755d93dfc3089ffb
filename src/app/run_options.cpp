#include "app/run_options.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <array>

namespace dare::app {
namespace {

namespace po = boost::program_options;

// One of a few words, as an enumeration.
template <class Enum, std::size_t N>
Enum choice(const std::string& option, const std::string& text, const std::array<std::pair<const char*, Enum>, N>& words) {
  std::string known;
  for (const auto& [word, value] : words) {
    if (text == word) return value;
    known += (known.empty() ? "" : ", ") + std::string{word};
  }
  throw UsageError{fmt::format("--{} {}: give one of {}", option, text, known)};
}

}  // namespace

po::options_description run_options_group() {
  po::options_description group{"Running"};
  auto add = group.add_options();
  add("writers", po::value<std::string>()->default_value("node")->value_name("W"), "ranks that write: all, node (one a node), or a number");
  add("memory-per-rank", po::value<std::string>()->default_value("512MiB")->value_name("SIZE"), "buffers of one rank");
  add("shard-size", po::value<std::string>()->default_value("5GB")->value_name("SIZE"), "largest shard of a folder");
  add("resume", po::bool_switch(), "go on where an interrupted run of the same command stopped");
  add("overwrite", po::bool_switch(), "replace OUTPUT, once the new one is complete");
  add("hash-inputs", po::bool_switch(), "contents of all inputs in the manifest (reads them once more)");
  add("progress", po::value<std::string>()->default_value("auto")->value_name("P"), "auto, bar, plain or off");
  add("log-level", po::value<std::string>()->default_value("info")->value_name("L"), "error, info or debug");
  add("json", po::bool_switch(), "the summary (or the plan, or the explanation) as JSON on stdout");
  return group;
}

pipeline::RunOptions run_options_from(const Given& given, const std::string& program) {
  using pipeline::LogLevel;
  using pipeline::ProgressStyle;
  pipeline::RunOptions options;
  options.program = program;
  options.limits.writers = plan::Writers::parse(given["writers"].as<std::string>());
  options.limits.memory_per_rank = parse_byte_size(given["memory-per-rank"].as<std::string>());
  options.shard_size = parse_byte_size(given["shard-size"].as<std::string>());
  if (options.shard_size == 0) throw UsageError{"--shard-size 0: give a size above 0"};
  options.resume = given["resume"].as<bool>();
  options.overwrite = given["overwrite"].as<bool>();
  options.hash_inputs = given["hash-inputs"].as<bool>();
  options.json = given["json"].as<bool>();
  options.progress = choice("progress", given["progress"].as<std::string>(),
                            std::array{std::pair{"auto", ProgressStyle::automatic}, std::pair{"bar", ProgressStyle::bar},
                                       std::pair{"plain", ProgressStyle::plain}, std::pair{"off", ProgressStyle::off}});
  options.log_level =
      choice("log-level", given["log-level"].as<std::string>(),
             std::array{std::pair{"error", LogLevel::error}, std::pair{"info", LogLevel::info}, std::pair{"debug", LogLevel::debug}});
  return options;
}

}  // namespace dare::app
