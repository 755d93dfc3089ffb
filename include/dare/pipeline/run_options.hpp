#pragma once
/// What every program that moves a checkpoint through the slice loop is told, whatever it computes.

#include <dare/checkpoint/output.hpp>
#include <dare/plan/plan.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace dare::pipeline {

enum class ProgressStyle : std::uint8_t { automatic, bar, plain, off };
/// What is said on rank 0's stderr besides errors and progress: nothing, notes on the merge, or what each stage decides too.
enum class LogLevel : std::uint8_t { error, info, debug };

/// What becomes of an interrupted run's finished blocks. Where there are none, or their files are gone, a run begins anew in any case.
enum class Unfinished : std::uint8_t {
  refuse,       ///< the run is refused: hours of work do not go unasked
  resume,       ///< goes on from them; refused where they are of another run
  resume_same,  ///< goes on from them; they go where they are of another run
  restart,      ///< they go
};

struct RunOptions {
  std::string program;  ///< the name that messages begin with
  plan::Limits limits;
  Unfinished unfinished = Unfinished::refuse;
  bool overwrite = false;    ///< replace an output that is there, once the new one is complete
  bool hash_inputs = false;  ///< hashes of the inputs' contents in the manifest: one more read of them
  ProgressStyle progress = ProgressStyle::automatic;
  LogLevel log_level = LogLevel::info;
  bool summary = true;                                  ///< say on stdout what was done
  bool json = false;                                    ///< a summary as JSON on stdout instead of text
  std::uint64_t shard_size = checkpoint::k_shard_size;  ///< bytes; for a folder

  /// Was it asked for to go on? Then a finished output is no error.
  [[nodiscard]] bool resumes() const noexcept { return unfinished == Unfinished::resume; }
  /// What goes on from the finished blocks of this run, should it end before all are done: words for messages.
  [[nodiscard]] std::string_view going_on() const noexcept {
    return unfinished == Unfinished::resume_same ? "the same command again" : "the same command with --resume";
  }
};

}  // namespace dare::pipeline
