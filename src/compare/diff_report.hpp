#pragma once
/// What a comparison found, for people and for programs.

#include "compare/difference.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/compare/diff.hpp>

#include <string>
#include <vector>

namespace dare::compare {

struct DiffReport {
  const DiffOptions& options;
  const checkpoint::Header& a;
  const checkpoint::Header& b;
  const Pairing& pairing;
  std::vector<Difference> differences{};  ///< one a pair

  [[nodiscard]] bool equal() const noexcept;
  /// @param columns  of the terminal, 0: no limit
  [[nodiscard]] std::string text(std::size_t columns) const;
  [[nodiscard]] std::string json() const;
};

}  // namespace dare::compare
