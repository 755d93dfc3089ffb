#pragma once
/// What all programs do alike: parse the command line, answer --help and --version without MPI, end with one message and one exit code.

#include <dare/comm/communicator.hpp>
#include <dare/core/error.hpp>

#include <boost/program_options.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dare::app {

/// A part of the manual under a heading of its own. Text is paragraphs between empty lines; lines that begin with two spaces stay as they
/// are (tables, code), all others are filled to the width of the page.
struct Section {
  std::string title;
  std::string text;
  std::vector<std::pair<std::string, std::string>> items{};  ///< after the text: terms and what they mean
};

/// A command that works as it stands, and what it is for.
struct Example {
  std::string purpose;
  std::string command;
};

struct FileOfProgram {
  std::string name;
  std::string what;
};

/// An exit code and what it means for one program.
struct ExitMeaning {
  ExitCode code;
  std::string meaning;
};

/// The words and options of one program: parsing, --help, the manual page and the shell completion are all made from it.
struct Program {
  std::string name;
  std::string summary;             ///< one line
  std::vector<std::string> usage;  ///< one line each, without the program's name
  std::string description;         ///< text as a Section's
  std::vector<boost::program_options::options_description> groups;
  std::string positional;                  ///< name under which the words without a dash are given (a list); empty: there are none
  std::vector<std::string> first_words{};  ///< what the first of them can be, where that is known; empty: a file
  std::vector<Section> sections{};         ///< after the options
  std::vector<FileOfProgram> files{};      ///< what it reads and writes
  std::vector<Example> examples{};
  std::vector<ExitMeaning> exits{};
  std::vector<std::string> see_also{};  ///< names of other programs
};

using Given = boost::program_options::variables_map;

/// A program over MPI. `run` gets the parsed options on every rank; a usage error ends all ranks with one message.
/// @return the process's exit code.
int run_with_mpi(int argc, char** argv, const Program& program, const std::function<int(const Given&, const comm::Communicator&)>& run);

/// A program of one process, without MPI.
int run_alone(int argc, char** argv, const Program& program, const std::function<int(const Given&)>& run);

}  // namespace dare::app
