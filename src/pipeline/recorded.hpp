#pragma once
/// A merge that a manifest records, taken up again: its recipe and its inputs.

#include "pipeline/verify/manifest_reader.hpp"

#include <dare/pipeline/sources.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/recipe/recipe.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dare::pipeline {

/// Whether `file` begins as a manifest does, whatever its name. Local.
[[nodiscard]] bool is_manifest(const std::filesystem::path& file);

/// Reads the headers of what a manifest's recipe names, the command line put over it. Local.
/// @param place      names the manifest or its output in messages.
/// @param inputs_at  relative paths are relative to it; empty: to the working folder.
/// @throws InputError  this program computes other masks than the recorded merge did, or an input cannot be read.
[[nodiscard]] Sources read_recorded_sources(const Manifest& manifest, const std::string& place, const std::filesystem::path& inputs_at,
                                            const recipe::Overrides& overrides = {});

/// The same of a recipe that was made of a manifest's, with the same sources.
/// @throws Error  every problem of every input, and where relative paths lead
[[nodiscard]] Sources read_recorded_sources(recipe::Recipe recipe, const std::filesystem::path& inputs_at);

/// What messages call the folder that a manifest's relative paths are relative to. Pure.
[[nodiscard]] std::string place_of_inputs(const std::filesystem::path& inputs_at);

/// The recipe of a manifest as the text of a recipe file, whose relative paths are relative to the working folder. Local.
/// @throws InputError  it is damaged, or this program computes other masks than the recorded merge did.
[[nodiscard]] std::string recorded_recipe(const std::filesystem::path& manifest);

/// In what inputs are others than the manifest lists, as far as headers can tell, a line each. Pure.
[[nodiscard]] std::vector<std::string> inputs_that_differ(const Manifest& manifest, const Work& work);

/// Refuses to make a recorded merge of other inputs, if there are differences. Pure.
/// @param differences  of inputs_that_differ() or contents_that_differ().  @param by  how others can be named that are meant.
/// @throws InputError
void refuse_other_inputs(const std::filesystem::path& manifest, const std::vector<std::string>& differences, std::string_view by);

/// Whether the manifest has hashes of the inputs' contents (--hash-inputs).
[[nodiscard]] bool records_contents(const Manifest& manifest);
/// In what contents are others, a line each. Pure. @param hashes  of hash_inputs() @pre inputs_that_differ() is empty
[[nodiscard]] std::vector<std::string> contents_that_differ(const Manifest& manifest, const Work& work,
                                                            const std::vector<std::vector<std::string>>& hashes);

}  // namespace dare::pipeline
