#include "metrics/running_program.hpp"

#include "core/child_processes.hpp"

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>

#include <dare/core/error.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace dare::metrics {

RunningProgram::RunningProgram(std::size_t index, unsigned slot, const Work& work, ScratchFolder scratch)
    : index_{index}, slot_{slot}, scratch_{std::move(scratch)} {
  const auto pipe = make_pipe();
  supervisor_ = ::fork();
  if (supervisor_ == 0) {
    ::close(pipe.read);
    supervise(work, pipe.write);
  }
  const auto error = errno;
  ::close(pipe.write);
  finding_fd_ = pipe.read;
  if (supervisor_ < 0) {
    ::close(finding_fd_);
    throw IoError{fmt::format("fork: {}", std::strerror(error))};
  }
}

RunningProgram::~RunningProgram() {
  ::close(finding_fd_);
  if (supervisor_ <= 0) return;
  ::kill(supervisor_, SIGKILL);
  ::waitpid(supervisor_, nullptr, 0);
}

bool RunningProgram::read_on() {
  std::array<char, 8192> part{};
  const auto n = ::read(finding_fd_, part.data(), part.size());
  if (n > 0) received_.append(part.data(), static_cast<std::size_t>(n));
  if (n != 0) return false;
  ::waitpid(supervisor_, nullptr, 0);
  supervisor_ = -1;
  return true;
}

ProgramResult RunningProgram::result() const {
  Finding finding{};
  if (received_.size() < sizeof finding) return {Verdict::failed, 0, "killed the process that supervises it"};
  std::memcpy(&finding, received_.data(), sizeof finding);
  auto detail = received_.substr(sizeof finding);
  if (finding.verdict == k_sandbox_failed) throw IoError{fmt::format("program {} could not be started: {}", index_, detail)};
  return {static_cast<Verdict>(finding.verdict), finding.elapsed_s, std::move(detail)};
}

}  // namespace dare::metrics
