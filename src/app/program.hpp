#pragma once
/// What all programs do alike: parse the command line, answer --help and --version without MPI, end with one message and one exit code.

#include <dare/comm/communicator.hpp>

#include <boost/program_options.hpp>

#include <functional>
#include <string>
#include <vector>

namespace dare::app {

/// The words and options of one program. --help, the manual page and the shell completion are made from it.
struct Program {
  std::string name;
  std::string summary;             ///< one line
  std::vector<std::string> usage;  ///< one line each, without the program's name
  std::string details;             ///< after the options: what the words mean, examples
  std::vector<boost::program_options::options_description> groups;
  std::string positional;  ///< name under which the words without a dash are given (a list); empty: there are none
};

using Given = boost::program_options::variables_map;

/// A program over MPI. `run` gets the parsed options on every rank; a usage error ends all ranks with one message.
/// @return the process's exit code.
int run_with_mpi(int argc, char** argv, const Program& program, const std::function<int(const Given&, const comm::Communicator&)>& run);

/// A program of one process, without MPI.
int run_alone(int argc, char** argv, const Program& program, const std::function<int(const Given&)>& run);

/// --help, as it is printed.
[[nodiscard]] std::string help_text(const Program& program);

}  // namespace dare::app
