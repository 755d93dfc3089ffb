#include "pipeline/recorded.hpp"

#include "pipeline/manifest_json.hpp"
#include "recipe/recipe_from_json.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/random/drop_stream.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_beginning = std::size_t{1} << 16U;  // bytes: all before the tensors, unless inputs have very many files

recipe::Recipe recipe_in(const Manifest& manifest, const std::string& place, const fs::path& inputs_at,
                         const recipe::Overrides& overrides) {
  if (manifest.stream_version != random::k_stream_version) {
    throw InputError{fmt::format("{}: was merged with stream version {} of the masks, this program computes version {}; use {}", place,
                                 manifest.stream_version, random::k_stream_version, manifest.program)};
  }
  return recipe::recipe_from_json(manifest.recipe, place + ": the manifest's recipe", inputs_at, overrides);
}

constexpr auto k_advice_on_paths =
    "\n  relative paths are those of the merge: name the folder that it ran in, or its recipe's, by --inputs-at";

bool names_relative_path(const recipe::Recipe& recipe) {
  const auto relative = [](const recipe::Source& source) { return fs::path{source.written}.is_relative(); };
  return relative(recipe.frame()) || std::any_of(recipe.models.begin(), recipe.models.end(), [&](const auto& model) {
           return relative(model) || (model.auxiliary && relative(*model.auxiliary));
         });
}

std::string_view after_spaces(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

bool names_format(std::string_view text) {
  constexpr std::string_view k_key = "\"format\"";
  const auto at = text.find(k_key);
  if (at == std::string_view::npos || !after_spaces(text).starts_with('{')) return false;
  text = after_spaces(text.substr(at + k_key.size()));
  return text.starts_with(':') && after_spaces(text.substr(1)).starts_with(fmt::format("\"{}\"", k_manifest_format));
}

}  // namespace

std::string recorded_recipe(const fs::path& manifest) {
  const auto read = read_manifest(manifest);
  (void)recipe_in(read, manifest.string(), {}, {});
  return recipe::recipe_text(read.recipe);
}

bool is_manifest(const fs::path& file) {
  std::error_code unknown;
  if (!fs::is_regular_file(file, unknown)) return false;  // a pipe is read once, as a recipe
  try {
    const auto open = File::open_read(file);
    std::string text(std::min<std::uint64_t>(open.size(), k_beginning), '\0');
    open.read_at(0, std::as_writable_bytes(std::span{text}));
    return names_format(text);
  } catch (const IoError&) { return false; }  // who reads it as a recipe says why
}

Sources read_recorded_sources(const Manifest& manifest, const std::string& place, const fs::path& inputs_at,
                              const recipe::Overrides& overrides) {
  return read_recorded_sources(recipe_in(manifest, place, inputs_at, overrides), inputs_at);
}

Sources read_recorded_sources(recipe::Recipe recipe, const fs::path& inputs_at) {
  Problems problems;
  auto sources = read_sources(std::move(recipe), problems, place_of_inputs(inputs_at));
  if (inputs_at.empty() && names_relative_path(sources.recipe)) problems.advise(k_advice_on_paths);
  problems.throw_if_any();
  return sources;
}

std::string place_of_inputs(const fs::path& inputs_at) {
  return inputs_at.empty() ? "the working folder" : inputs_at.string();
}

std::vector<std::string> inputs_that_differ(const Manifest& manifest, const Work& work) {
  std::vector<std::string> problems;
  if (manifest.inputs.size() != work.inputs()) {
    problems.push_back(fmt::format("the recipe has {} inputs, the manifest lists {}", work.inputs(), manifest.inputs.size()));
    return problems;
  }
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    const auto& header = work.input(i);
    const auto& listed = manifest.inputs[i].files;
    if (listed.size() != header.files.size()) {
      problems.push_back(
          fmt::format("input {}: {} weight files, the manifest lists {}", header.root.string(), header.files.size(), listed.size()));
      continue;
    }
    for (std::size_t f = 0; f < listed.size(); ++f) {
      const auto& file = header.files[f];
      if (file.name != listed[f].name || file.size != listed[f].size) {
        problems.push_back(fmt::format("input {}: file {} of {} bytes, the manifest lists {} of {}", header.root.string(), file.name,
                                       file.size, listed[f].name, listed[f].size));
      } else if (to_hex(file.header_hash) != listed[f].header_hash) {
        problems.push_back(fmt::format("input {}: file {} has another header: its hash is {}, the manifest lists {}", header.root.string(),
                                       file.name, to_hex(file.header_hash), listed[f].header_hash));
      }
    }
  }
  return problems;
}

void refuse_other_inputs(const fs::path& manifest, const std::vector<std::string>& differences, std::string_view by) {
  if (differences.empty()) return;
  throw InputError{
      fmt::format("{}: the merge that it records was of other inputs:\n  {}\n  give the inputs as they were, or name those "
                  "that are meant {}",
                  manifest.string(), fmt::join(differences, "\n  "), by)};
}

bool records_contents(const Manifest& manifest) {
  return std::any_of(manifest.inputs.begin(), manifest.inputs.end(), [](const auto& input) {
    return std::any_of(input.files.begin(), input.files.end(), [](const auto& file) { return !file.pieces_hash.empty(); });
  });
}

std::vector<std::string> contents_that_differ(const Manifest& manifest, const Work& work,
                                              const std::vector<std::vector<std::string>>& hashes) {
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    const auto& listed = manifest.inputs[i].files;
    for (std::size_t f = 0; f < listed.size(); ++f) {
      if (listed[f].pieces_hash.empty() || listed[f].pieces_hash == hashes[i][f]) continue;
      problems.push_back(fmt::format("input {}: file {} has other contents: their hash is {}, the manifest lists {}",
                                     work.input(i).root.string(), listed[f].name, hashes[i][f], listed[f].pieces_hash));
    }
  }
  return problems;
}

}  // namespace dare::pipeline
