#pragma once
/// What a verification found, for people and for programs.

#include "pipeline/verify/verify_blocks.hpp"
#include "pipeline/verify/verify_inputs.hpp"

#include <optional>
#include <string>

namespace dare::pipeline {

struct VerifyReport {
  const VerifyOptions& options;
  const Manifest& manifest;
  const checkpoint::Header& output;
  int ranks = 1;
  BlockCheck blocks{};
  std::optional<InputCheck> inputs{};
  double elapsed_s = 0;
  bool unreadable = false;  ///< blocks.problems says why; none was compared

  [[nodiscard]] bool equal() const noexcept;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
};

}  // namespace dare::pipeline
