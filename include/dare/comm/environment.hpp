#pragma once
/// MPI_Init to MPI_Finalize, and the one place where an error becomes a message and an exit code.

#include <dare/comm/communicator.hpp>

#include <functional>
#include <string>

namespace dare::comm {

/// Owns MPI's lifetime; one a process. Without mpirun the program is one rank.
class Environment {
 public:
  /// @param program  the name that messages begin with.
  Environment(int& argc, char**& argv, std::string program);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  [[nodiscard]] const Communicator& world() const noexcept { return *world_; }

  /// Runs `main` and returns the process's exit code, the same on all ranks.
  /// An AgreedError is printed by rank 0 before any rank returns. Any other exception is this rank's alone: it prints
  /// the message and ends all ranks by MPI_Abort.
  int run(const std::function<int(const Communicator&)>& main);

 private:
  std::string program_;
  std::optional<Communicator> world_;
};

/// Writes `text` to stderr as it is, in one piece. What cannot be written is lost: no work fails for it. Local.
void write_message(const std::string& text);

/// write_message() of "program: text" and a newline, in one piece, control characters within lines as \x... Local.
void print_message(const std::string& program, const std::string& text);

/// Writes `text` to stdout, control characters within lines as \x..; a reader that has gone is an error, not the end by SIGPIPE. Local.
/// @param what  it is, as the start of the message.  @throws IoError  it could not be written.
void write_result(const std::string& text, const std::string& what = "the result");

/// The same on rank 0; no rank returns before it is out: with an exit code that is not 0 the first to leave ends the others. Collective.
/// @throws AgreedError  it could not be written.
void print_result(const Communicator& world, const std::string& text, const std::string& what = "the result");

/// The MPI library in use, e.g. "Open MPI v4.1.4". Needs no MPI_Init. Local.
[[nodiscard]] std::string mpi_library();

}  // namespace dare::comm
