#include "sweep/damage.hpp"

#include "sweep/point_manifest.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/output_paths.hpp>
#include <dare/pipeline/product_deltas.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <set>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Damage = std::optional<std::string>;

Damage missing(const fs::path& file) {
  return fmt::format("{} is not there", file.string());
}

// What others may have edited since, such as a configuration, only has to be there.
Damage damage_of_checkpoint(const fs::path& output, const Json& manifest) {
  for (const auto& part : manifest.value("parts", Json::array())) {
    const auto kind = part.value("part", "");
    if (kind != "header" && kind != "file") continue;
    const auto name = part.value("name", "");
    const auto file = name.empty() ? output : output / name;
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (error) return missing(file);
    const auto expected = part.value("size", size);
    if (kind == "header" && size != expected)
      return fmt::format("{} has {} bytes, and had {} when it was made", file.string(), size, expected);
  }
  return std::nullopt;
}

// The manifest knows what the weights of all models take together.
Damage damage_of_deltas(const fs::path& output, const Json& manifest) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& model : manifest.value("tensors", Json::array())) {
    const auto place = output / model.value("name", "");
    if (!fs::exists(place, error)) return missing(place);
    if (!fs::is_directory(place, error)) {
      bytes += fs::file_size(place, error);
      continue;
    }
    const auto beside = model.value("side_files", std::set<std::string>{});
    for (const auto& entry : fs::directory_iterator{place, error}) {
      if (beside.count(entry.path().filename().string()) == 0) bytes += entry.file_size(error);
    }
  }
  if (!fs::exists(output / pipeline::k_delta_recipe, error)) return missing(output / pipeline::k_delta_recipe);
  const auto expected = manifest.value("bytes", bytes);
  if (bytes >= expected) return std::nullopt;
  return fmt::format("the delta checkpoints in {} have {} bytes, and had {} when they were made", output.string(), bytes, expected);
}

}  // namespace

Damage damage_of(const fs::path& output) {
  const pipeline::OutputPaths paths{output};
  if (!fs::exists(paths.manifest)) return missing(paths.manifest);
  try {
    const auto manifest = read_manifest(paths.manifest);
    return manifest.value("outputs", "model") == "delta" ? damage_of_deltas(output, manifest) : damage_of_checkpoint(output, manifest);
  } catch (const Error&) { return fmt::format("{} cannot be read", paths.manifest.string()); } catch (const Json::exception&) {
    return fmt::format("{} is not what it was", paths.manifest.string());
  }
}

}  // namespace dare::sweep
