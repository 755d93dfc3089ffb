#pragma once
/// What dare-inspect prints, for people and for programs.

#include "compare/fitness.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/compare/inspect.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace dare::compare {

[[nodiscard]] std::string listing_text(const checkpoint::Header& header, const InspectOptions& options);
[[nodiscard]] nlohmann::ordered_json listing_json(const checkpoint::Header& header, const InspectOptions& options);

struct FitnessReport {
  const InspectOptions& options;
  const checkpoint::Header& model;
  const checkpoint::Header& base;
  const Pairing& pairing;
  const Fitness& fitness;
  const Assessment& assessment;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] nlohmann::ordered_json json() const;
};

}  // namespace dare::compare
