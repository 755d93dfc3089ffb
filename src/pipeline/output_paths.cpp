#include <dare/pipeline/output_paths.hpp>

#include <dare/checkpoint/output.hpp>

namespace dare::pipeline {

OutputPaths::OutputPaths(const std::filesystem::path& given)
    : output{given.has_filename() ? given : given.parent_path()},
      folder{output.has_parent_path() ? output.parent_path() : std::filesystem::path{"."}},
      single_file{checkpoint::output_kind(output) != checkpoint::OutputKind::folder} {
  const auto name = output.filename().string();
  const auto hidden = folder / ("." + name);
  temporary = hidden.string() + ".partial" + (single_file ? output.extension().string() : "");
  journal = hidden.string() + ".journal";
  aside = hidden.string() + ".old";
  manifest = single_file ? folder / (name + ".manifest.json") : output / "dare-manifest.json";
  new_manifest = single_file ? std::filesystem::path{hidden.string() + ".partial.manifest.json"} : temporary / "dare-manifest.json";
}

}  // namespace dare::pipeline
