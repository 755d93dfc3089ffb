#include "pipeline/finished.hpp"

#include "pipeline/staged_output.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/manifest.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

// A manifest's all but the tensors; nothing where it is none.
std::optional<std::string> head_at(const fs::path& manifest) {
  try {
    auto json = nlohmann::ordered_json::parse(read_text(manifest, std::uint64_t{1} << 40U));
    for (const auto* const key : k_of_output) json.erase(key);
    return json.dump();
  } catch (const nlohmann::json::exception&) { return std::nullopt; }
}

// Where the output is of no manifest, staging it says that it exists.
bool is_finished(const Work& work, const Product& product, bool overwrite) {
  const OutputPaths paths{product.output};
  if (!product.manifest || !fs::exists(paths.output) || !fs::exists(paths.manifest)) return false;
  const auto there = head_at(paths.manifest);
  if (!there) return false;
  const auto lines = difference(manifest_head(work, product), *there);
  if (!lines.empty()) {
    if (overwrite) return false;
    throw InputError{
        fmt::format("{}: is finished, but of another merge; --resume cannot take it for this one:{}\n  name another output, or give "
                    "--overwrite",
                    product.output.string(), lines)};
  }
  // The planned size of an HDF5 file is an upper bound.
  const auto kind = checkpoint::output_kind(product.output);
  if (kind == checkpoint::OutputKind::hdf5 || complete(paths.output, checkpoint::plan_output(kind, product.output_spec()))) return true;
  if (overwrite) return false;
  throw InputError{fmt::format("{}: its manifest is of this merge, but files of it are missing or short; give --overwrite to make it anew",
                               product.output.string())};
}

}  // namespace

std::vector<std::uint8_t> finished_outputs(const RunContext& run) {
  if (!run.options.resumes()) return std::vector<std::uint8_t>(run.work.products.size());
  return run.world.from_root([&] {
    std::vector<std::uint8_t> finished;
    for (const auto& product : run.work.products) {
      finished.push_back(is_finished(run.work, product, run.options.overwrite) ? 1 : 0);
      if (finished.back() != 0)
        comm::print_message(run.options.program, fmt::format("{}: finished already, nothing to do", product.output.string()));
    }
    return finished;
  });
}

Work without(const Work& work, const std::vector<std::uint8_t>& finished) {
  auto rest = work;
  rest.products.clear();
  for (std::size_t p = 0; p < finished.size(); ++p) {
    if (finished[p] == 0) rest.products.push_back(work.products[p]);
  }
  return rest;
}

}  // namespace dare::pipeline
