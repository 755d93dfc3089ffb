#pragma once
/// The scores of points that are made, one after another, and what stays of their checkpoints then.

#include "sweep/dealer.hpp"
#include "sweep/retention.hpp"
#include "sweep/shared.hpp"

#include <chrono>
#include <cstdint>

namespace dare::sweep {

/// Of a group's rank 0.
class Scoring {
 public:
  /// It must outlive this.
  explicit Scoring(const Shared& shared);

  /// Evaluates a point, writes that into its record, tells of it and deletes the checkpoints that need not stay. Local.
  /// @return whether it has its scores.
  /// @throws InputError  it has no record any more  @throws IoError  @throws Interrupted  a signal came meanwhile
  [[nodiscard]] bool score(std::uint64_t point);

 private:
  void retain(std::uint64_t point, Record record);
  void tell(const Record& record, std::chrono::duration<double> elapsed);

  const Shared& shared_;
  Dealer evaluated_;     // counts the points that any group has evaluated
  Retention retention_;  // of what this group has scored
};

}  // namespace dare::sweep
