#include <dare/pipeline/output_place.hpp>

#include "core/paths.hpp"
#include "pipeline/journal.hpp"
#include "pipeline/replaceable.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_name = 255;  // of the file systems that do not say

fs::path place_of(const fs::path& output) {
  const auto path = output.has_filename() ? output : output.parent_path();
  std::error_code not_to_be_looked_at;  // check_output_folder() says so, or who reads the input
  auto place = fs::weakly_canonical(path, not_to_be_looked_at);
  return not_to_be_looked_at ? fs::absolute(path).lexically_normal() : place;
}

UsageError among_inputs(const fs::path& output, const fs::path& input) {
  return UsageError{fmt::format("{}: OUTPUT and the input {} lie in each other; name another output", output.string(), input.string())};
}

// All names beside the output are made of its own.
void check_name(const OutputPaths& paths) {
  const auto name = paths.output.filename().native();
  std::size_t longest = 0;
  for (const auto* path : {&paths.temporary, &paths.journal, &paths.aside, &paths.manifest, &paths.new_manifest})
    longest = std::max(longest, path->filename().native().size());
  const auto limit = ::pathconf(paths.folder.c_str(), _PC_NAME_MAX);
  const auto most = limit > 0 ? static_cast<std::size_t>(limit) : k_longest_name;
  if (longest <= most) return;
  throw UsageError{
      fmt::format("{}: its name has {} bytes; with what is added to the names of the files beside it that is {}, and {} are "
                  "possible there; give a name of {} at most",
                  paths.output.string(), name.size(), longest, most, most - std::min(most, longest - name.size()))};
}

// Of an output that is gone: beside the new one it would be taken for its. An unfinished run of ours puts its manifest there first.
bool is_manifest_alone(const OutputPaths& paths) {
  return paths.single_file && fs::exists(paths.manifest) && !(fs::exists(paths.temporary) && Journal::read_head(paths.journal));
}

}  // namespace

void require_space(const fs::path& output, std::uint64_t bytes) {
  const auto space = fs::space(OutputPaths{output}.folder);
  if (space.available >= bytes) return;
  throw InputError{fmt::format("{}: needs {} ({} bytes), {} are free there; make room or write elsewhere", output.string(),
                               format_bytes(bytes), bytes, format_bytes(space.available))};
}

bool is_name_alone(const OutputPaths& paths) {
  std::error_code ignored;
  return fs::exists(paths.temporary) && !fs::is_symlink(paths.output) && fs::is_empty(paths.output, ignored) && !ignored &&
         Journal::read_head(paths.journal);
}

void check_output_folder(const fs::path& output) {
  const OutputPaths paths{output};
  std::error_code failure;
  if (const auto status = fs::status(paths.folder, failure); status.type() == fs::file_type::none)
    throw InputError{fmt::format("{}: its folder {} cannot be looked at: {}; name another output", output.string(), paths.folder.string(),
                                 failure.message())};
  if (!fs::is_directory(paths.folder))
    throw InputError{fmt::format("{}: its folder {} is not there; make it first", output.string(), paths.folder.string())};
  require_writable(paths.folder, paths.output, "output");  // temporary, journal and lock are made there before anything is read
}

void check_output(const fs::path& output, const RunOptions& options, std::uint64_t bytes) {
  const OutputPaths paths{output};
  if (paths.output.empty() || paths.output.filename() == "." || paths.output.filename() == "..") {
    throw UsageError{fmt::format("{}: no name for an output", output.string())};
  }
  check_output_folder(output);
  check_name(paths);
  const bool there = fs::exists(fs::symlink_status(paths.output));
  if (there && is_name_alone(paths)) return;
  if (!options.overwrite && there) throw InputError{fmt::format("{}: exists; name another output, or give --overwrite", output.string())};
  if (!options.overwrite && is_manifest_alone(paths)) {
    throw InputError{
        fmt::format("{}: exists, without the output that it is the manifest of; remove it, name another output, or give "
                    "--overwrite",
                    paths.manifest.string())};
  }
  if (options.overwrite && fs::is_symlink(paths.output)) {
    throw InputError{fmt::format("{}: is a link to {}, which --overwrite would replace by the output; name what it leads to",
                                 output.string(), fs::read_symlink(paths.output).string())};
  }
  if (options.overwrite && fs::exists(paths.output) && fs::is_directory(paths.output) == paths.single_file) {
    throw InputError{fmt::format("{}: is a {}, the output would be a {}; name another output", output.string(),
                                 paths.single_file ? "folder" : "file", paths.single_file ? "file" : "folder")};
  }
  if (options.overwrite && fs::exists(paths.output)) check_replaceable(paths.output);
  if (bytes != 0 && !options.resumes()) require_space(output, bytes);
}

void refuse_output_over(const checkpoint::Header& input, const fs::path& output) {
  const auto place = place_of(output);
  for (const auto& file : input.files) {
    if (lies_in(fs::weakly_canonical(file.path), place)) throw among_inputs(output, file.path);
  }
  if (!input.folder.empty() && lies_in(place, fs::weakly_canonical(input.folder))) throw among_inputs(output, input.folder);
}

void refuse_output_among_inputs(const Sources& sources, const fs::path& output) {
  const auto place = place_of(output);
  const auto check = [&](const recipe::Source& source) {
    if (source.path.empty()) return;  // the recipe was not understood so far
    const auto input = place_of(source.path);
    if (lies_in(place, input) || lies_in(input, place)) throw among_inputs(output, source.written);
  };
  if (sources.recipe.base) check(*sources.recipe.base);
  for (const auto& model : sources.recipe.models) {
    check(model);
    if (model.auxiliary) check(*model.auxiliary);
  }
  refuse_output_over(sources.frame, output);
  for (const auto* const headers : {&sources.models, &sources.auxiliaries}) {
    for (const auto& header : *headers) refuse_output_over(header, output);
  }
}

}  // namespace dare::pipeline
