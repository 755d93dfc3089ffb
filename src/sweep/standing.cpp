#include "sweep/standing.hpp"

#include "recipe/recipe_json.hpp"

#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <fmt/format.h>

#include <span>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t k_largest_manifest = std::uint64_t{1} << 40U;

std::string hash_text(std::string_view text) {
  return to_hex(hash128(std::as_bytes(std::span{text})));
}

Json read_manifest(const fs::path& manifest) {
  try {
    return Json::parse(read_text(manifest, k_largest_manifest));
  } catch (const Json::exception& error) {
    throw InputError{
        fmt::format("{}: is no manifest of this program ({}); remove it, or name another folder", manifest.string(), error.what())};
  }
}

std::string hash_of(const Json& manifest) {
  std::string hashes;
  for (const auto& tensor : manifest.value("tensors", Json::array())) hashes += tensor.value("xxh3_128", "");
  return hash_text(hashes);
}

class Look {
 public:
  Look(const Specification& specification, const Places& places, bool overwrite, Problems& problems)
      : specification_{specification}, places_{places}, overwrite_{overwrite}, problems_{problems} {}

  // Where the inputs cannot be read, what was made of them before is not doubted.
  Standing without_inputs(std::uint64_t number) {
    const auto record = read_record(places_.record(specification_.point(number).name));
    return record && record->status == Status::done ? Standing::done : Standing::to_do;
  }

  Standing at(const pipeline::Work& inputs, std::uint64_t number) {
    const auto point = specification_.point(number);
    const auto head = head_of(specification_, inputs, number);
    const auto identity = identity_of(head, specification_.settings());
    const auto record = read_record(places_.record(point.name));
    if (record && record->status != Status::failed) {
      if (record->identity != identity) return taken(point, "its settings or inputs were others");
      if (record->status == Status::done && (record->output.empty() || fs::exists(places_.folder / record->output))) return Standing::done;
      if (record->status == Status::unscored && fs::exists(places_.folder / record->output)) return Standing::to_score;
      return Standing::to_do;
    }
    if (specification_.settings().outputs == Outputs::statistics) return Standing::to_do;
    return recover(point, head, identity);
  }

 private:
  Standing taken(const Point& point, const std::string& why) {
    if (!overwrite_) {
      problems_.input(fmt::format("{}: was made by another run: {}; name another folder, or give --overwrite",
                                  output_of(places_.folder, point.name, specification_.settings()).string(), why));
    }
    return Standing::to_do;
  }

  // A run that was killed between an output and its record.
  Standing recover(const Point& point, const std::string& head, const std::string& identity) {
    const pipeline::OutputPaths paths{output_of(places_.folder, point.name, specification_.settings())};
    if (!fs::exists(paths.output)) return Standing::to_do;
    if (!fs::exists(paths.manifest)) return taken(point, "it has no manifest");
    auto manifest = read_manifest(paths.manifest);
    const auto hash = hash_of(manifest);
    for (const auto* const key : pipeline::k_of_output) manifest.erase(key);
    if ((manifest.value("outputs", "model") == "delta") != (specification_.settings().outputs == Outputs::delta))
      return taken(point, "outputs was another");
    manifest.erase("outputs");
    const auto lines = pipeline::difference(head, manifest.dump());
    if (!lines.empty()) return taken(point, lines.substr(lines.find_first_not_of("\n ")));
    const bool score = !specification_.settings().evaluate.empty();
    Record record{point.name, score ? Status::unscored : Status::done, score ? "not evaluated yet" : "", identity, {}, {}, {}, {}, hash};
    record.settings = settings_of(point, Json::parse(head)["recipe"].dump());
    record.statistics = record.scores = Json::object();
    record.output = paths.output.filename().string();
    write_record(places_, record);
    return score ? Standing::to_score : Standing::done;
  }

  const Specification& specification_;
  const Places& places_;
  bool overwrite_;
  Problems& problems_;
};

}  // namespace

std::string identity_of(const std::string& head, const Settings& settings) {
  return hash_text(fmt::format("{}\n{}\n{}", head, static_cast<int>(settings.outputs), static_cast<int>(settings.format)));
}

std::string head_of(const Specification& specification, const pipeline::Work& inputs, std::uint64_t point) {
  const auto recipe = specification.recipe(specification.point(point));
  pipeline::Product product;
  product.job.recipe_json = recipe::recipe_json(recipe, *merge::find_method(recipe.method));
  return pipeline::manifest_head(inputs, product);
}

std::string hash_in_manifest(const fs::path& manifest) {
  return hash_of(read_manifest(manifest));
}

std::vector<Standing> look_at_points(const Specification& specification, const std::vector<Family>& families, const Places& places,
                                     bool overwrite) {
  std::vector<Standing> standing(specification.points(), Standing::to_do);
  Problems problems;
  Look look{specification, places, overwrite, problems};
  for (const auto& family : families) {
    const auto inputs = inputs_of(family);
    for (const auto point : family.points) standing[point] = family.problem.empty() ? look.at(inputs, point) : look.without_inputs(point);
  }
  problems.throw_if_any();
  return standing;
}

}  // namespace dare::sweep
