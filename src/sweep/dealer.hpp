#pragma once
/// Pieces of work to whoever is free, by files that can be made once only: all groups write to one folder anyway, and no rank has to answer
/// another one while it works (one-sided MPI would, and Open MPI 4.1 has none over TCP).

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dare::sweep {

/// One group's view. Local: the group's rank 0 has one.
class Dealer {
 public:
  /// @param folder  the same for all groups, new for each run.
  Dealer(std::filesystem::path folder, std::uint64_t pieces) : folder_{std::move(folder)}, pieces_{pieces} {}

  /// The first piece that no group has taken; nothing where all are taken, or somebody has stopped it.
  /// @throws IoError  nothing can be written there, so that no piece is worth doing
  [[nodiscard]] std::optional<std::uint64_t> take();
  /// Nobody takes anything from now on. @throws IoError
  void stop();
  /// How many calls of all groups there were, this one among them. @throws IoError
  [[nodiscard]] std::uint64_t count();

 private:
  std::filesystem::path folder_;
  std::uint64_t pieces_;
  std::uint64_t next_ = 0;     // those before it are taken
  std::uint64_t counted_ = 0;  // at least
};

/// Makes the folder that a run's groups deal by; its name is no other run's. Local: one rank calls it. @throws IoError
[[nodiscard]] std::filesystem::path make_dealing_folder(const std::filesystem::path& parent);

}  // namespace dare::sweep
