#include <dare/pipeline/output_paths.hpp>

#include "checkpoint/file_names.hpp"

#include <dare/checkpoint/output.hpp>

#include <fmt/format.h>

namespace dare::pipeline {

OutputPaths::OutputPaths(const std::filesystem::path& given)
    : output{given.has_filename() ? given : given.parent_path()},
      folder{output.has_parent_path() ? output.parent_path() : std::filesystem::path{"."}},
      single_file{checkpoint::output_kind(output) != checkpoint::OutputKind::folder} {
  const auto name = output.filename().string();
  const auto unfinished = fmt::format(".{}{}", name, checkpoint::k_unfinished_ending);
  temporary = folder / (unfinished + (single_file ? output.extension().string() : ""));
  journal = folder / fmt::format(".{}{}", name, checkpoint::k_journal_ending);
  aside = folder / fmt::format(".{}.old", name);
  manifest = single_file ? folder / fmt::format("{}{}", name, checkpoint::k_manifest_ending) : output / checkpoint::k_manifest_file;
  new_manifest =
      single_file ? folder / fmt::format("{}{}", unfinished, checkpoint::k_manifest_ending) : temporary / checkpoint::k_manifest_file;
}

}  // namespace dare::pipeline
