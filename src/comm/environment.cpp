#include <dare/comm/environment.hpp>

#include "comm/check.hpp"
#include "core/printable.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <system_error>

namespace dare::comm {
namespace {

// Where a rank fails alone, the others may be inside MPI: only MPI_Abort ends them. The message must be out before.
[[noreturn]] void abort_all(const std::string& program, const std::string& text, ExitCode code) {
  print_message(program, text);
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));
}

// In one write where it can be: lines of several ranks do not mix. errno tells of failure.
bool write_all(int descriptor, std::string_view text) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  while (!text.empty()) {
    const auto n = ::write(descriptor, text.data(), text.size());
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    else if (n == 0 || errno != EINTR) break;
  }
  const int reason = errno;
  ::sigaction(SIGPIPE, &before, nullptr);
  errno = reason;
  return text.empty();
}

}  // namespace

Environment::Environment(int& argc, char**& argv, std::string program) : program_{std::move(program)} {
  int provided = 0;
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    print_message(program_, "MPI could not be started");
    std::_Exit(static_cast<int>(ExitCode::failure));
  }
  world_.emplace(Communicator::duplicate(MPI_COMM_WORLD));
}

Environment::~Environment() {
  world_.reset();
  MPI_Finalize();
}

int Environment::run(const std::function<int(const Communicator&)>& main) {
  try {
    return main(*world_);
  } catch (const AgreedError& error) {
    if (world_->is_root()) print_message(program_, error.what());
    // mpirun kills the others when the first rank leaves with a code: nobody leaves before the message is out.
    MPI_Barrier(world_->handle());
    return static_cast<int>(error.code());
  } catch (const Error& error) { abort_all(program_, error.what(), error.code()); } catch (const std::exception& error) {
    abort_all(program_, "rank " + std::to_string(world_->rank()) + ": " + error.what(), ExitCode::failure);
  }
}

void write_message(const std::string& text) {
  (void)write_all(STDERR_FILENO, text);
}

void print_message(const std::string& program, const std::string& text) {
  write_message(program + ": " + printable_lines(text) + "\n");
}

void write_result(const std::string& text, const std::string& what) {
  if (!write_all(STDOUT_FILENO, printable_lines(text)))
    throw IoError{what + " could not be written to standard output (" + std::generic_category().message(errno) + ")"};
}

void print_result(const Communicator& world, const std::string& text, const std::string& what) {
  world.agree([&] {
    if (world.is_root()) write_result(text, what);
  });
}

std::string mpi_library() {
  std::string text(MPI_MAX_LIBRARY_VERSION_STRING, '\0');
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  text.resize(static_cast<std::size_t>(length));
  return text.substr(0, text.find_first_of(",\n"));
}

}  // namespace dare::comm
