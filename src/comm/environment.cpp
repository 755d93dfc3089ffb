#include <dare/comm/environment.hpp>

#include "comm/check.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

namespace dare::comm {
namespace {

// Where a rank fails alone, the others may be inside MPI: only MPI_Abort ends them. The message must be out before.
[[noreturn]] void abort_all(const std::string& program, const std::string& text, ExitCode code) {
  print_message(program, text);
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));
}

// Control characters but for the ends of lines and tabs, which in a name from a file could steer a terminal.
std::string without_controls(const std::string& text) {
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string safe;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\t' || (code >= 0x20 && code != 0x7F)) safe += c;
    else safe += {'\\', 'x', k_digits[code >> 4U], k_digits[code & 0xFU]};
  }
  return safe;
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

void print_message(const std::string& program, const std::string& text) {
  const std::string line = program + ": " + without_controls(text) + "\n";
  std::size_t done = 0;
  while (done < line.size()) {  // one write: lines of several ranks do not mix
    const auto n = ::write(STDERR_FILENO, line.data() + done, line.size() - done);
    if (n <= 0) return;
    done += static_cast<std::size_t>(n);
  }
}

void print_result(const Communicator& world, const std::string& text) {
  world.agree([&] {
    if (!world.is_root()) return;
    const auto safe = without_controls(text);
    if (std::fwrite(safe.data(), 1, safe.size(), stdout) != safe.size() || std::fflush(stdout) != 0)
      throw IoError{"the result could not be written to standard output"};
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
