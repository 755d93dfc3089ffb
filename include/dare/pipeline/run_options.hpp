#pragma once
/// What every program that moves a checkpoint through the slice loop is told, whatever it computes.

#include <dare/plan/plan.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace dare::pipeline {

enum class ProgressStyle : std::uint8_t { automatic, bar, plain, off };

struct RunOptions {
  std::string program;  ///< the name that messages begin with
  std::filesystem::path output;
  plan::Limits limits;
  bool overwrite = false;
  ProgressStyle progress = ProgressStyle::automatic;
  bool json = false;                         ///< a summary as JSON on stdout instead of text
  std::uint64_t shard_size = 5'000'000'000;  ///< bytes; for a folder
};

}  // namespace dare::pipeline
