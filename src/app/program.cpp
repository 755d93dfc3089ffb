#include "app/program.hpp"

#include "app/manual.hpp"
#include "app/options.hpp"
#include "recipe/nearest.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/core/open_file_limit.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace dare::app {
namespace {

namespace po = boost::program_options;

// Before MPI is there, the launcher's environment tells who speaks.
bool speaks() {
  for (const auto* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* rank = std::getenv(name)) return std::string{rank} == "0";
  }
  return true;
}

// An srun that offers MPI no PMI starts as many runs of one rank as it has tasks. They may be meant: no error.
void tell_of_lone_tasks(const std::string& program, const comm::Environment& mpi) {
  const auto* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  if (tasks == nullptr || std::atoi(tasks) < 2 || mpi.world().size() != 1 || std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || !speaks())
    return;
  comm::print_message(program,
                      fmt::format("srun has started {} tasks, and MPI knows of none but itself in each: these are {} runs of one rank. "
                                  "For one run over all give srun --mpi=pmix (`srun --mpi=list` says what there is), or use mpirun",
                                  tasks, tasks));
}

// Files that are opened later would take the numbers of closed standard streams, and a summary would go into one of them, or be lost
// without a word. To be read only: a write to it fails as to the closed stream, and who writes tells.
void fill_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF) static_cast<void>(::open("/dev/null", O_RDONLY));  // the lowest number that is free
  }
}

po::options_description all_options(const Program& program) {
  po::options_description all;
  for (const auto& group : program.groups) all.add(group);
  if (!program.positional.empty()) all.add_options()(program.positional.c_str(), po::value<std::vector<std::string>>());
  all.add(common_group());
  // For the build and for packagers, so in no manual.
  all.add_options()("man", "")("completion", po::value<std::string>());
  return all;
}

// What the command line comes to: options to run with, or words to leave with.
struct Parsed {
  Given given;
  std::string answer;
  std::optional<UsageError> refusal;
};

std::string completion(const Program& program, const std::string& shell) {
  if (shell != "bash") throw po::error{fmt::format("--completion {}: give bash", shell)};
  return bash_completion(program);
}

// Of --help, --version and their like; empty where none is asked for.
std::string answer_to(const Given& given, const Program& program) {
  if (given.count("help") != 0) return help_text(program);
  if (given.count("version") != 0) return version_text(program);
  if (given.count("man") != 0) return man_page(program);
  if (given.count("completion") != 0) return completion(program, given["completion"].as<std::string>());
  return {};
}

// What stands between what was found and where to look.
std::string meant_option(const std::string& found, const Program& program) {
  std::vector<std::string> names;
  for (const auto& group : option_groups_of(program)) {
    for (const auto& option : group.options) names.push_back(option.name);
  }
  auto word = std::string_view{found}.substr(std::min(found.find_first_not_of('-'), found.size()));
  word = word.substr(0, word.find('='));
  const auto nearest = recipe::nearest_of(word, {names.begin(), names.end()});
  return nearest ? fmt::format("; did you mean --{}?", *nearest) : ";";
}

Parsed parse(int argc, char** argv, const Program& program) {
  Parsed parsed;
  const auto options = all_options(program);
  po::positional_options_description positional;
  if (!program.positional.empty()) positional.add(program.positional.c_str(), -1);
  // No guessing: an abbreviation that works today may be ambiguous after the next release.
  const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    po::store(po::command_line_parser(argc, argv).options(options).positional(positional).style(style).run(), parsed.given);
    parsed.answer = answer_to(parsed.given, program);
    if (parsed.answer.empty()) po::notify(parsed.given);
  } catch (const po::unknown_option& error) {
    parsed.refusal.emplace(fmt::format("{}{} see {} --help", error.what(), meant_option(error.get_option_name(), program), program.name));
  } catch (const po::error& error) { parsed.refusal.emplace(fmt::format("{}; see {} --help", error.what(), program.name)); }
  return parsed;
}

int say(const std::string& program, const std::string& answer) {
  try {
    if (speaks()) comm::write_result(answer);
    return static_cast<int>(ExitCode::done);
  } catch (const IoError& error) {
    comm::print_message(program, error.what());
    return static_cast<int>(error.code());
  }
}

}  // namespace

int run_with_mpi(int argc, char** argv, const Program& program, const std::function<int(const Given&, const comm::Communicator&)>& run) {
  fill_closed_streams();
  const auto parsed = parse(argc, argv, program);
  if (!parsed.answer.empty()) return say(program.name, parsed.answer);
  raise_open_file_limit();  // shards of inputs and outputs; before MPI, which opens some of its own
  comm::Environment mpi{argc, argv, program.name};
  tell_of_lone_tasks(program.name, mpi);
  return mpi.run([&](const comm::Communicator& world) {
    world.agree_on(parsed.refusal);
    return run(parsed.given, world);
  });
}

int run_alone(int argc, char** argv, const Program& program, const std::function<int(const Given&)>& run) {
  fill_closed_streams();
  const auto parsed = parse(argc, argv, program);
  if (!parsed.answer.empty()) return say(program.name, parsed.answer);
  try {
    if (parsed.refusal) throw UsageError{*parsed.refusal};
    return run(parsed.given);
  } catch (const Error& error) {
    comm::print_message(program.name, error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    comm::print_message(program.name, error.what());
    return static_cast<int>(ExitCode::failure);
  }
}

}  // namespace dare::app
