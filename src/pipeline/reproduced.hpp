#pragma once
/// A merge made again, held against the record of the first one.

#include "pipeline/recorded.hpp"

#include <dare/pipeline/work.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace dare::pipeline {

/// The merge that a product makes again.
struct Record {
  std::filesystem::path file;  ///< its manifest
  Manifest manifest;
};

/// In what blocks two outputs differ, by their manifests: how many do and which is the first; empty where none does. Pure.
[[nodiscard]] std::string blocks_that_differ(const Manifest& now, const Manifest& before);

/// Holds the finished output of the first product against its record. Local: rank 0 alone, which has the record.
/// @return nothing where there is no record of weights; what differs, empty where nothing does.
/// @throws Error  the output's own manifest cannot be read.
[[nodiscard]] std::optional<std::string> held_against_record(const Work& work);

/// That an output is not the one that was recorded, and what may be the reason. Pure. @pre the first product has a record
[[nodiscard]] std::string not_reproduced(const Work& work, const std::string& difference);

}  // namespace dare::pipeline
