#include "sweep/point_manifest.hpp"

#include "core/bounded_json.hpp"
#include "pipeline/manifest_json.hpp"

#include <dare/core/dtype.hpp>
#include <dare/core/error.hpp>
#include <dare/core/hash.hpp>
#include <dare/core/packed.hpp>
#include <dare/core/shape.hpp>
#include <dare/pipeline/manifest.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool is_list_of_objects(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return true;
  return found->is_array() && std::all_of(found->begin(), found->end(), [](const auto& one) { return one.is_object(); });
}

bool is_shape(const Json& shape) {
  return shape.is_array() && std::all_of(shape.begin(), shape.end(), [](const auto& extent) { return extent.is_number_unsigned(); });
}

// Whether what is read of a manifest here is of the types that it is read as.
bool is_manifest(const Json& json) {
  if (!json.is_object() || !is_list_of_objects(json, "tensors") || !is_list_of_objects(json, "inputs")) return false;
  const auto is_text = [](const Json& object, const char* key) { return !object.contains(key) || object.at(key).is_string(); };
  if (!is_text(json, "outputs")) return false;
  for (const auto& tensor : json.value("tensors", Json::array())) {
    if (!is_text(tensor, "xxh3_128") || !is_text(tensor, "dtype") || !is_shape(tensor.value("shape", Json::array()))) return false;
  }
  const auto inputs = json.value("inputs", Json::array());
  return std::all_of(inputs.begin(), inputs.end(), [](const auto& input) { return is_list_of_objects(input, "files"); });
}

std::uint64_t bytes_of_weights(const Json& manifest) {
  std::uint64_t bytes = 0;
  for (const auto& tensor : manifest.value("tensors", Json::array())) {
    const auto dtype = dtype_named(tensor.value("dtype", ""));
    const auto elements = checked_elements(tensor.value("shape", Shape{}));
    if (dtype && elements) bytes += packed_bytes(*elements, info(*dtype).bits);
  }
  return bytes;
}

void forget_contents(Json& manifest) {
  if (!manifest.contains("inputs")) return;
  for (auto& input : manifest["inputs"]) {
    for (auto& file : input["files"]) file.erase("pieces_xxh3_128");
  }
}

}  // namespace

Json read_manifest(const fs::path& manifest) {
  const auto refusal = [&](std::string_view why) {
    return InputError{fmt::format("{}: is no manifest of this program ({}); remove it, or name another folder", manifest.string(), why)};
  };
  try {
    auto tensors = Json::array();
    auto json =
        pipeline::parse_manifest_json(pipeline::read_manifest_text(manifest), [&](const Json& entry, bool) { tensors.push_back(entry); });
    // What the parser has left in the list is no tensor.
    if (json.is_object() && json.value("tensors", Json{}) == Json::array()) json["tensors"] = std::move(tensors);
    if (!is_manifest(json)) throw refusal("its JSON is of another form");
    return json;
  } catch (const JsonError& error) { throw refusal(error.what()); }
}

std::string hash_in(const Json& manifest) {
  std::string hashes;
  for (const auto& tensor : manifest.value("tensors", Json::array())) hashes += tensor.value("xxh3_128", "");
  return hash_hex(hashes);
}

std::string hash_in_manifest(const fs::path& manifest) {
  return hash_in(read_manifest(manifest));
}

Json statistics_in(const Json& manifest) {
  if (manifest.value("outputs", "model") == "delta")
    return manifest.contains("bytes") ? Json{{"bytes", manifest["bytes"]}} : Json::object();
  Json statistics = Json::object();
  if (manifest.contains("elements_merged")) statistics["elements_merged"] = manifest["elements_merged"];
  if (manifest.contains("elements_swallowed")) statistics["elements_lost"] = manifest["elements_swallowed"];
  statistics["bytes"] = bytes_of_weights(manifest);
  return statistics;
}

bool has_contents(const Json& manifest) {
  for (const auto& input : manifest.value("inputs", Json::array())) {
    for (const auto& file : input.value("files", Json::array())) {
      if (file.contains("pieces_xxh3_128")) return true;
    }
  }
  return false;
}

std::string difference_of(Json now, Json before) {
  for (auto* one : {&now, &before}) {
    for (const auto* key : {"program", "outputs"}) one->erase(key);
    for (const auto* key : pipeline::k_of_output) one->erase(key);
  }
  if (has_contents(now) != has_contents(before)) {
    forget_contents(now);
    forget_contents(before);
  }
  return pipeline::difference(now.dump(), before.dump());
}

}  // namespace dare::sweep
