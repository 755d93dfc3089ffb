#pragma once
/// What dare-inspect prints, for people and for programs.

#include "compare/fitness.hpp"

#include <dare/checkpoint/delta.hpp>
#include <dare/checkpoint/header.hpp>
#include <dare/compare/inspect.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace dare::compare {

/// What a checkpoint holds. A delta checkpoint's header is that of the model it stands for, an adapter's that of its products.
/// @param columns  of the terminal, 0: no limit
[[nodiscard]] std::string listing_text(const checkpoint::Header& header, const checkpoint::DeltaOrigin& origin,
                                       const InspectOptions& options, std::size_t columns);
[[nodiscard]] nlohmann::ordered_json listing_json(const checkpoint::Header& header, const checkpoint::DeltaOrigin& origin,
                                                  const InspectOptions& options);

struct FitnessReport {
  const InspectOptions& options;
  const checkpoint::Header& model;
  const checkpoint::Header& base;
  const Pairing& pairing;
  const Fitness& fitness;
  const Assessment& assessment;

  [[nodiscard]] std::string text(std::size_t columns) const;
  [[nodiscard]] nlohmann::ordered_json json() const;
};

}  // namespace dare::compare
