#include "pipeline/finished.hpp"

#include "core/bounded_json.hpp"
#include "core/printable.hpp"
#include "pipeline/manifest_json.hpp"
#include "pipeline/staging.hpp"
#include "pipeline/unfinished.hpp"

#include <dare/comm/environment.hpp>
#include <dare/pipeline/input_times.hpp>
#include <dare/pipeline/manifest.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

struct Recorded {
  std::string head;              // all but what k_of_output names
  nlohmann::ordered_json parts;  // null in a manifest that has none
};

// Nothing where that is no manifest.
std::optional<Recorded> recorded_at(const fs::path& manifest) {
  try {
    auto json = parse_manifest_json(read_manifest_text(manifest));
    if (!json.is_object()) return std::nullopt;
    auto parts = json.value("parts", nlohmann::ordered_json{});
    for (const auto* const key : k_of_output) json.erase(key);
    return Recorded{json.dump(), std::move(parts)};
  } catch (const JsonError&) { return std::nullopt; }
}

// The first file beside the weights of which the output got others than it would get now: changed, added or gone. By their bytes: a file
// may be replaced by an older one.
std::optional<std::string> other_side_file(const Product& product, const nlohmann::ordered_json& parts) {
  if (!parts.is_array() || checkpoint::output_kind(product.output) == checkpoint::OutputKind::safetensors_file) return std::nullopt;
  std::map<std::string, std::string> before;
  for (const auto& part : parts) {
    const auto text = [&](const char* key) {
      return part.is_object() && part.contains(key) && part[key].is_string() ? part[key].get<std::string>() : "";
    };
    if (text("part") == "file") before[text("name")] = text("xxh3_128");
  }
  for (const auto& [name, bytes] : product.output_spec().side_files) {
    const auto found = before.extract(one_line(name));
    if (!found || found.mapped() != hash_hex(bytes)) return name;
  }
  return before.empty() ? std::nullopt : std::optional{before.begin()->first};
}

// The planned size of an HDF5 file is an upper bound: what counts is where its tensors end.
bool is_whole(const Product& product, const fs::path& output) {
  const auto kind = checkpoint::output_kind(product.output);
  if (kind != checkpoint::OutputKind::hdf5) return complete(output, checkpoint::plan_output(kind, product.output_spec()));
  try {
    const auto header = checkpoint::read_header(output);
    return header.tensors.size() == product.job.tasks.size() &&
           std::all_of(header.tensors.begin(), header.tensors.end(),
                       [&](const auto& tensor) { return tensor.offset + tensor.bytes <= header.files[tensor.file].size; });
  } catch (const InputError&) { return false; }  // HDF5 opens no file that is cut short
}

// What speaks against an output whose manifest is there; nothing where it is this run's, finished.
std::optional<std::string> objection(const Work& work, const Product& product, const OutputPaths& paths, const Recorded& manifest) {
  const auto place = product.output.string();
  const auto lines = difference(manifest_head(work, product), manifest.head);
  if (!lines.empty()) {
    return fmt::format(
        "{}: is finished, but of another merge; --resume cannot take it for this one:{}\n  name another output, or give "
        "--overwrite",
        place, lines);
  }
  if (const auto changed = changed_after(work, paths.manifest)) {
    return fmt::format("{}: is finished, but {} was changed after that; give --overwrite to make it anew, or name another output", place,
                       changed->string());
  }
  if (const auto file = other_side_file(product, manifest.parts)) {
    return fmt::format(
        "{}: is finished, but {} beside the weights of {} is not what it was then; give --overwrite to make it anew, or name "
        "another output",
        place, *file, work.frame.root.string());
  }
  if (!is_whole(product, paths.output))
    return fmt::format("{}: its manifest is of this merge, but files of it are missing or short; give --overwrite to make it anew", place);
  return std::nullopt;
}

bool left_by_a_run(const OutputPaths& paths) {
  const auto names = {&paths.temporary, &paths.journal, &paths.aside, &paths.new_manifest};
  return std::any_of(names.begin(), names.end(), [](const auto* path) { return fs::exists(*path); });
}

// Where the output is of no manifest, staging it says that it exists.
bool is_finished(const RunContext& run, const Product& product, Leftovers leftovers) {
  const OutputPaths paths{product.output};
  if (!product.manifest || !fs::exists(paths.output)) return false;
  // With its lock: what was left goes with it, unless it can be gone on from.
  std::optional<Staging> staging;
  if (left_by_a_run(paths)) {
    if (leftovers == Leftovers::leave) return false;
    staging.emplace(product.output);
  }
  // A single file's manifest is not in it: until the file takes its place, what is there may be an old one.
  if (staging && staging->unfinished() && paths.single_file) return false;
  if (!fs::exists(paths.manifest)) return false;
  const auto there = recorded_at(paths.manifest);
  if (!there) return false;
  if (const auto why = objection(run.work, product, paths, *there)) {
    if (run.options.overwrite) return false;
    throw InputError{*why};
  }
  // An old folder that this one replaced, or the beginning of the same anew; not the work of another run.
  if (staging && staging->unfinished() && staging->unfinished()->identity == identity_of(run.work, product, run.options))
    staging->start_afresh();
  return true;
}

}  // namespace

bool all_finished(const RunContext& run, Leftovers leftovers) {
  if (!run.options.resumes()) return false;
  const auto& products = run.work.products;
  return run.world.from_root([&] {
    if (!std::all_of(products.begin(), products.end(), [&](const auto& product) { return is_finished(run, product, leftovers); }))
      return false;
    for (const auto& product : products)
      comm::print_message(run.options.program, fmt::format("{}: finished already, nothing to do", product.output.string()));
    return true;
  });
}

}  // namespace dare::pipeline
