#pragma once
/// What all groups of a run know.

#include "sweep/family.hpp"
#include "sweep/record.hpp"
#include "sweep/specification.hpp"

#include <dare/pipeline/run_options.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dare::sweep {

struct Shared {
  const Specification& specification;
  const std::vector<Family>& families;
  const Places& places;
  const pipeline::RunOptions& run;
  const std::vector<std::string>& names;                ///< of all points
  std::filesystem::path dealing;                        ///< make_dealing_folder()
  const std::map<std::uint64_t, std::uint64_t>& given;  ///< given_points()
  std::uint64_t told_before;                            ///< points that were evaluated before these
  bool tells_scores;                                    ///< each point's on stderr, once it is evaluated

  [[nodiscard]] const Settings& settings() const noexcept { return specification.settings(); }
};

}  // namespace dare::sweep
