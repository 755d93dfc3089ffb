#include <dare/pipeline/stop_signal.hpp>

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

namespace dare::pipeline {
namespace {

volatile std::sig_atomic_t g_received = 0;
volatile std::sig_atomic_t g_nothing_begun = 0;
std::string g_last_words;  // made beforehand: a handler may only write
int g_watches = 0;
constexpr std::array k_signals{SIGUSR1, SIGINT, SIGTERM};
std::array<struct sigaction, k_signals.size()> g_before;

extern "C" void note_signal(int number) {
  g_received = number;
  if (g_nothing_begun == 0) return;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, g_last_words.data(), g_last_words.size());
  ::_exit(static_cast<int>(ExitCode::interrupted));
}

}  // namespace

StopSignal::StopSignal() {
  if (g_watches++ != 0) return;  // one within another: what came is kept
  g_received = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;  // reads, writes and MPI go on; the loop looks at the flag
  for (std::size_t i = 0; i < k_signals.size(); ++i) ::sigaction(k_signals[i], &action, &g_before[i]);
}

StopSignal::~StopSignal() {
  if (--g_watches != 0) return;
  for (std::size_t i = 0; i < k_signals.size(); ++i) ::sigaction(k_signals[i], &g_before[i], nullptr);
}

int StopSignal::received() noexcept {
  return g_received;
}

void StopSignal::check(std::string_view doing, std::string_view then) {
  if (g_received == 0) return;
  throw Interrupted{fmt::format("{} {}; {}", text(g_received), doing, then)};
}

void StopSignal::agree(const comm::Communicator& world, std::string_view rest) {
  const auto signal = static_cast<int>(world.all_reduce(received(), comm::Reduce::max));
  if (signal != 0) throw comm::AgreedError{ExitCode::interrupted, fmt::format("{}{}", text(signal), rest)};
}

std::string StopSignal::text(int signal) {
  return fmt::format("stopped by signal {} ({})", signal, signal == SIGUSR1 ? "SIGUSR1" : signal == SIGINT ? "SIGINT" : "SIGTERM");
}

NothingBegun::NothingBegun(std::string_view program, bool speaks) {
  g_last_words = speaks ? fmt::format("{}: stopped by a signal before any work; nothing was begun, run it again\n", program) : "";
  g_nothing_begun = 1;
}

NothingBegun::~NothingBegun() {
  g_nothing_begun = 0;
}

}  // namespace dare::pipeline
