#include "app/program.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>

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

po::options_description all_options(const Program& program) {
  po::options_description all;
  for (const auto& group : program.groups) all.add(group);
  if (!program.positional.empty()) all.add_options()(program.positional.c_str(), po::value<std::vector<std::string>>());
  all.add_options()("help,h", "this text")("version", "version of the program and of the libraries it uses");
  return all;
}

// What the command line comes to: options to run with, or words to leave with.
struct Parsed {
  Given given;
  std::string answer;
  std::optional<UsageError> refusal;
};

std::string version_text(const Program& program) {
  return fmt::format("{} {}\n{}\n", program.name, DARE_VERSION, comm::mpi_library());
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
    if (parsed.given.count("help") != 0) {
      parsed.answer = help_text(program);
    } else if (parsed.given.count("version") != 0) {
      parsed.answer = version_text(program);
    } else {
      po::notify(parsed.given);
    }
  } catch (const po::error& error) { parsed.refusal.emplace(fmt::format("{}; see {} --help", error.what(), program.name)); }
  return parsed;
}

int say(const std::string& answer) {
  if (speaks()) std::fputs(answer.c_str(), stdout);
  return static_cast<int>(ExitCode::done);
}

}  // namespace

std::string help_text(const Program& program) {
  std::ostringstream text;
  text << program.name << ": " << program.summary << "\n\n";
  for (std::size_t i = 0; i < program.usage.size(); ++i) {
    text << (i == 0 ? "usage: " : "       ") << program.name << ' ' << program.usage[i] << '\n';
  }
  for (const auto& group : program.groups) text << '\n' << group;
  text << "\n  -h [ --help ]  this text\n  --version      version of the program and of the libraries it uses\n";
  if (!program.details.empty()) text << '\n' << program.details;
  return text.str();
}

int run_with_mpi(int argc, char** argv, const Program& program, const std::function<int(const Given&, const comm::Communicator&)>& run) {
  const auto parsed = parse(argc, argv, program);
  if (!parsed.answer.empty()) return say(parsed.answer);
  comm::Environment mpi{argc, argv, program.name};
  return mpi.run([&](const comm::Communicator& world) {
    world.agree_on(parsed.refusal);
    return run(parsed.given, world);
  });
}

int run_alone(int argc, char** argv, const Program& program, const std::function<int(const Given&)>& run) {
  const auto parsed = parse(argc, argv, program);
  if (!parsed.answer.empty()) return say(parsed.answer);
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
