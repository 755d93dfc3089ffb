#pragma once
/// Why points cannot be made, each problem told once, whatever number of points has it.

#include <dare/core/error.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dare::sweep {

/// Why something cannot be made, problem by problem. Plain value.
struct Refusal {
  Refusal() = default;
  explicit Refusal(const Error& error);

  ExitCode code = ExitCode::failure;
  std::vector<std::string> texts;
  [[nodiscard]] bool empty() const noexcept { return texts.empty(); }
  /// All of them in one text. Pure. @pre !empty()
  [[nodiscard]] std::string text() const;
  template <class A>
  void archive(A& a) {
    a(code, texts);
  }
};

/// Collects problems of points. Local.
class PointProblems {
 public:
  /// @param all  points of the sweep.
  explicit PointProblems(std::uint64_t all) : all_{all} {}

  /// @param name  of the point
  void add(const std::string& name, const std::string& problem);
  void add(const std::string& name, const Refusal& refusal);

  struct Told {
    std::string problem;
    std::vector<std::string> names;  ///< the first few of them
    std::uint64_t count = 0;         ///< of the points that have it
  };
  /// In the order in which they were added first.
  [[nodiscard]] const std::vector<Told>& told() const noexcept { return told_; }
  /// "point a", "points a, b and 6 more", "every point".
  [[nodiscard]] std::string points_of(const Told& one) const;
  /// The points and the problem, a text each.
  [[nodiscard]] std::vector<std::string> texts() const;

 private:
  std::uint64_t all_;
  std::vector<Told> told_;
  std::map<std::string, std::size_t> place_;  // of a problem in told_
};

}  // namespace dare::sweep
