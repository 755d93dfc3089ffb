#pragma once
/// Runs generated Python programs, each in processes of its own that cannot outlive it, exceed its limits or reach the network.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dare::metrics {

struct SandboxLimits {
  double seconds = 10;                                 ///< elapsed time of one program; also CPU seconds of each of its processes
  std::uint64_t memory = std::uint64_t{1} << 30U;      ///< bytes of address space of a process, and of resident memory of all together
  std::uint64_t file_size = std::uint64_t{64} << 20U;  ///< bytes of a file, and of the scratch folder where it is a file system of its own
  std::uint64_t output = std::uint64_t{1} << 20U;      ///< bytes printed, standard output and standard error together
  unsigned processes = 32;                             ///< processes and threads at a time
};

struct SandboxOptions {
  SandboxLimits limits{};
  std::string python = "python3";                                          ///< a path, or a name that is looked up in PATH
  std::filesystem::path scratch = std::filesystem::temp_directory_path();  ///< programs' folders are made in here and removed
};

enum class Verdict {
  passed,   ///< ran to its end without an exception
  failed,   ///< an exception, a signal, or an exit before its end
  timeout,  ///< was running when its time was over
  memory,   ///< all its processes together held more than the limit (one that asks for more than it may have gets a MemoryError)
  output,   ///< printed more than the limit
};
inline constexpr std::size_t k_verdicts = 5;
[[nodiscard]] std::string_view name(Verdict verdict) noexcept;

struct ProgramResult {
  Verdict verdict = Verdict::failed;
  double elapsed_s = 0;
  std::string detail{};  ///< why it did not pass, one line
};

struct Hiding;

/// A program passes iff all its statements ran: exit(0) before the last one is a failure. That is judged by the interpreter in which it
/// runs: it finds mistakes, not a program that looks into its interpreter in order to pass. It runs as exec(program, {}) in a new
/// interpreter with an empty scratch folder as working folder and a small environment, as an unprivileged user where the caller is
/// root. Where the system allows namespaces and seccomp it can open no socket, sees no other process, no file in the caller's home, and
/// can write nowhere but in its scratch folder; other files that the user it runs as may read, it can read. When it ends, or its time does,
/// every process it started is killed. Linux only. Not thread-safe: one run() a process at a time.
class Sandbox {
 public:
  /// Finds out what this system allows, and runs one small program to see that it works.
  /// @throws UsageError  no such interpreter.
  /// @throws IoError  the limits cannot hold here (root that cannot become another user), or the small program does not run.
  explicit Sandbox(SandboxOptions options);

  /// What this system does not allow to be kept from programs, one clause each; empty where all protection is there.
  [[nodiscard]] const std::vector<std::string>& gaps() const noexcept { return gaps_; }

  using Source = std::function<std::string(std::size_t)>;
  using Done = std::function<void(std::size_t, const ProgramResult&)>;
  /// Runs programs 0 ... n - 1, `jobs` at a time (at most 64), and hands each result to `done`, in the order in which they end.
  /// Where there is no PID namespace, all other children of this process are killed too: a program's orphans cannot be told from them.
  /// @param stop  asked a few times a second; true kills what runs and throws.
  /// @throws Interrupted  `stop` said so.
  /// @throws IoError  the sandbox itself failed, e.g. no process could be made.
  void run(std::size_t n, const Source& source, unsigned jobs, const Done& done, const std::function<bool()>& stop);

 private:
  void find_parts();
  void hide_nothing();
  ProgramResult try_out();

  SandboxOptions options_;
  unsigned parts_ = 0;   // of Isolation
  uid_t first_uid_ = 0;  // of the programs, one a job; 0: the caller's own
  std::shared_ptr<Hiding> hiding_;
  std::vector<std::string> gaps_;
};

}  // namespace dare::metrics
