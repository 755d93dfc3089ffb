#include "pipeline/replaceable.hpp"

#include "checkpoint/file_names.hpp"
#include "core/bounded_json.hpp"
#include "core/printable.hpp"
#include "pipeline/manifest_json.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/product_deltas.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string_view>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

bool is_weights(const fs::path& file) {
  const auto name = file.filename().string();
  return file.extension() == ".safetensors" || name.ends_with(".safetensors.index.json") || name.starts_with("pytorch_model");
}

// Of what stands in published model folders. Their endings alone would not do: notes and results of evaluations are .txt and .json too.
bool is_of_a_model(const fs::path& file) {
  const auto name = file.filename().string();
  const bool code = file.extension() == ".py" &&
                    (name.starts_with("modeling_") || name.starts_with("configuration_") || name.starts_with("tokenization_"));
  return is_weights(file) || code || file.extension() == ".tiktoken" || checkpoint::is_companion_file(name);
}

using Names = std::set<std::string>;

// What the program itself has put into a folder, names as one_line() has them.
struct OwnFiles {
  Names names;
  std::map<std::string, Names> in_folders;  // of delta checkpoints, beside their weights
};

std::string text_of(const nlohmann::ordered_json& entry, const char* key) {
  return entry.is_object() && entry.contains(key) && entry[key].is_string() ? entry[key].get<std::string>() : "";
}

void add_delta(const nlohmann::ordered_json& entry, OwnFiles& own) {
  const auto name = text_of(entry, "name");
  if (name.empty()) return;
  own.names.insert(name);
  for (const auto& file : entry.value("side_files", nlohmann::ordered_json::array())) {
    if (file.is_string()) own.in_folders[name].insert(file.get<std::string>());
  }
}

// By its manifest; empty without a readable one.
OwnFiles files_in_manifest(const fs::path& folder) {
  OwnFiles own;
  const auto path = folder / checkpoint::k_manifest_file;
  if (!fs::is_regular_file(path)) return own;
  try {
    const auto manifest = parse_manifest_json(read_manifest_text(path), [&](const auto& tensor, bool of_deltas) {
      if (of_deltas) add_delta(tensor, own);
    });
    if (!manifest.is_object()) return own;
    own.names.insert(path.filename().string());
    for (const auto& part : manifest.value("parts", nlohmann::ordered_json::array())) own.names.insert(text_of(part, "name"));
    if (text_of(manifest, "outputs") == "delta") own.names.insert(k_delta_recipe);
  } catch (const JsonError&) {}  // NOLINT(bugprone-empty-catch): whatever that is, it names nothing
  return own;
}

// `names`: what the manifest of the folder above says of this one.
void check_folder(const fs::path& folder, std::string_view advice, const Names& names = {}) {
  if (fs::is_empty(folder)) return;
  auto own = files_in_manifest(folder);
  own.names.insert(begin(names), end(names));
  const auto entries = fs::directory_iterator{folder};
  if (own.names.empty() && std::none_of(begin(entries), end(entries), [](const auto& entry) { return is_weights(entry.path()); }))
    throw InputError{fmt::format("{}: is a folder that holds no model; {}", folder.string(), advice)};
  for (const auto& entry : fs::directory_iterator{folder}) {
    const auto name = one_line(entry.path().filename().string());
    if (entry.is_directory() && !entry.is_symlink()) check_folder(entry.path(), advice, own.in_folders[name]);
    else if (!own.names.contains(name) && !is_of_a_model(entry.path()))
      throw InputError{fmt::format("{}: is in a folder of a model and no part of one; {}", entry.path().string(), advice)};
  }
}

// By how the file begins: one that was cut short, or of a newer format, is a checkpoint nevertheless.
void check_file(const fs::path& path, std::string_view advice) {
  const bool hdf5 = checkpoint::output_kind(path) == checkpoint::OutputKind::hdf5;
  const auto error = InputError{fmt::format("{}: is no {} file; {}", path.string(), hdf5 ? "HDF5" : "safetensors", advice)};
  if (!fs::is_regular_file(path)) throw error;
  const auto file = File::open_read(path);
  if (file.size() == 0) return;
  std::array<char, 9> begin{};
  if (file.size() < begin.size()) throw error;
  file.read_at(0, std::as_writable_bytes(std::span{begin}));
  // Of safetensors: eight bytes of the header's length, far below 2^32, then JSON.
  const bool fits = hdf5 ? std::string_view{begin.data(), 8} == "\x89HDF\r\n\x1a\n"sv : begin[8] == '{' && begin[6] == 0 && begin[7] == 0;
  if (!fits) throw error;
}

}  // namespace

void check_replaceable(const fs::path& path, std::string_view advice) {
  if (fs::is_directory(path)) check_folder(path, advice);
  else check_file(path, advice);
}

}  // namespace dare::pipeline
