#include "pipeline/output_parts.hpp"

#include "core/printable.hpp"

#include <dare/core/hash.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr auto k_header = "header";
constexpr auto k_file = "file";
constexpr auto k_metadata = "metadata";

std::string described(const OutputPart& part) {
  const auto name = one_line(part.name);  // a manifest may be anyone's
  if (part.kind == k_header) return name.empty() ? "the header" : fmt::format("the header of {}", name);
  return part.kind == k_metadata ? "the metadata" : name;
}

}  // namespace

std::vector<OutputPart> parts_of(const checkpoint::Header& output) {
  std::vector<OutputPart> parts;
  const bool is_folder = !output.folder.empty();
  for (const auto& file : output.files)
    parts.push_back({k_header, is_folder ? one_line(file.name) : "", file.size, to_hex(file.header_hash)});
  if (output.format == checkpoint::Format::hdf5) { parts.push_back({k_metadata, "", output.metadata.size(), hash_hex(output.metadata)}); }
  for (const auto& name : output.side_files) {
    const auto bytes = checkpoint::read_side_file(output, name);
    parts.push_back({k_file, one_line(name), bytes.size(), hash_hex(bytes)});
  }
  return parts;
}

std::vector<std::string> parts_that_differ(const std::vector<OutputPart>& recorded, const std::vector<OutputPart>& found) {
  std::vector<std::string> problems;
  for (const auto& part : recorded) {
    const auto same =
        std::find_if(found.begin(), found.end(), [&](const auto& other) { return other.kind == part.kind && other.name == part.name; });
    if (same == found.end()) {
      problems.push_back(fmt::format("{} is missing", described(part)));
    } else if (same->hash != part.hash) {
      problems.push_back(
          fmt::format("{} is not what was written: XXH3-128 {}, the manifest has {}", described(part), same->hash, part.hash));
    } else if (same->size != part.size) {
      problems.push_back(fmt::format("{}: the file has {} bytes, the manifest has {}", described(part), same->size, part.size));
    }
  }
  return problems;
}

std::vector<std::string> missing_weight_files(const std::vector<OutputPart>& recorded, const std::filesystem::path& output) {
  std::vector<std::string> names;
  for (const auto& part : recorded) {
    std::error_code unknown;
    if (part.kind == k_header && !part.name.empty() && !std::filesystem::exists(output / part.name, unknown))
      names.push_back(one_line(part.name));
  }
  return names;
}

}  // namespace dare::pipeline
