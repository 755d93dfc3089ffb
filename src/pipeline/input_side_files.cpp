#include "pipeline/input_side_files.hpp"

#include "checkpoint/file_names.hpp"
#include "core/bounded_json.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string_view>

namespace dare::pipeline {
namespace {

using Json = nlohmann::json;
using checkpoint::Header;

constexpr std::size_t k_most_keys = 4;              // that are named of one file
constexpr std::size_t k_most_settings = 1U << 20U;  // bytes of a file of settings; a tokenizer's has more
// Of where a model came from and what saved it.
constexpr std::array<std::string_view, 9> k_of_saving{"_name_or_path", "name_or_path",   "transformers_version",
                                                      "torch_dtype",   "dtype",          "_commit_hash",
                                                      "use_cache",     "tokenizer_file", "special_tokens_map_file"};

bool has(const Header& header, std::string_view file) {
  return std::find(header.side_files.begin(), header.side_files.end(), file) != header.side_files.end();
}

std::optional<Json> settings_in(const std::vector<std::byte>& bytes) {
  if (bytes.size() > k_most_settings) return std::nullopt;
  const auto* const text = reinterpret_cast<const char*>(bytes.data());
  try {
    auto json = parse_bounded<Json>({text, bytes.size()}, {});
    return json.is_object() ? std::optional{std::move(json)} : std::nullopt;
  } catch (const JsonError&) { return std::nullopt; }
}

// Whether the output's configuration has the model's size of the vocabulary.
bool gets_vocab_size(const Json& base, const Json& model, const LongerRows& rows) {
  const auto size_in = [](const Json& json) {
    const auto size = json.find("vocab_size");
    return size != json.end() && size->is_number_unsigned() ? size->get<std::uint64_t>() : 0;
  };
  const auto found = rows.find(size_in(base));
  return found != rows.end() && found->second == size_in(model);
}

std::vector<std::string> keys_that_differ(const Json& base, const Json& model, const LongerRows& rows) {
  std::set<std::string> keys;
  for (const auto* const of : {&base, &model}) {
    for (const auto& [key, unused] : of->items()) keys.insert(key);
  }
  for (const auto key : k_of_saving) keys.erase(std::string{key});
  std::erase_if(keys, [&](const auto& key) { return base.value(key, Json{}) == model.value(key, Json{}); });
  if (gets_vocab_size(base, model, rows)) keys.erase("vocab_size");
  return {keys.begin(), keys.end()};
}

// `file`, with the keys that differ where it is one of settings; nothing where there is no difference.
std::optional<std::string> difference_of(const Header& base, const Header& model, std::string_view file, const LongerRows& rows) {
  const auto of_base = checkpoint::read_input_side_file(base, std::string{file});
  const auto of_model = checkpoint::read_input_side_file(model, std::string{file});
  if (of_base == of_model) return std::nullopt;
  const auto base_settings = settings_in(of_base);
  const auto settings = settings_in(of_model);
  if (!file.ends_with("json") || !base_settings || !settings) return std::string{file};
  auto keys = keys_that_differ(*base_settings, *settings, rows);
  if (keys.empty()) return std::nullopt;
  const bool more = keys.size() > k_most_keys;
  keys.resize(std::min(keys.size(), k_most_keys));
  for (auto& key : keys) key = printable(key);
  return fmt::format("{} ({}{})", file, fmt::join(keys, ", "), more ? ", ..." : "");
}

std::optional<std::string> note_on(const Header& frame, const Header& model, const LongerRows& rows) {
  std::vector<std::string> files;
  for (const auto& [file, is_compared] : checkpoint::companion_files()) {
    if (!is_compared || !has(model, file)) continue;
    if (!has(frame, file)) {
      files.push_back(fmt::format("{} (only there)", file));
    } else if (auto difference = difference_of(frame, model, file, rows)) {
      files.push_back(std::move(*difference));
    }
  }
  if (files.empty()) return std::nullopt;
  return fmt::format("{}: other files than {} has, which alone go into the output; put those that are meant there yourself: {}",
                     model.root.string(), frame.root.string(), fmt::join(files, ", "));
}

}  // namespace

std::vector<std::string> side_file_notes(const Sources& sources, const LongerRows& rows) {
  std::vector<std::string> notes;
  if (sources.frame.side_files.empty()) return notes;  // weights alone, and so are the output's
  for (const auto& model : sources.models) {
    if (auto note = note_on(sources.frame, model, rows)) notes.push_back(std::move(*note));
  }
  return notes;
}

}  // namespace dare::pipeline
