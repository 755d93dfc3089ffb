#include "pipeline/verify/verify_deltas.hpp"

#include "core/json_fields.hpp"
#include "pipeline/convert/delta_write.hpp"
#include "pipeline/manifest_json.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/output_paths.hpp>
#include <dare/pipeline/product_deltas.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// What the manifest's recipe says of the mask of a model.
struct RecordedMask {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

// @param m  the model's place.  @param deltas  that the manifest lists. @throws JsonError
RecordedMask recorded_mask(const Json& recipe, std::size_t m, std::size_t deltas) {
  const auto& models = list_field(recipe, "recipe", "models");
  if (m >= models.size())
    throw JsonError{fmt::format("recipe.models holds {}, the manifest lists {} delta checkpoints", models.size(), deltas)};
  return {whole_field(recipe, "recipe", "seed"), whole_field(models[m], place_of_entry("recipe.models", m), "stream")};
}

// Rank 0's part.
checkpoint::Header read_delta(const std::filesystem::path& path, const RecordedMask& recorded) {
  auto stored = checkpoint::read_header(path);
  if (!checkpoint::is_delta(stored)) throw InputError{fmt::format("{}: no delta checkpoint", path.string())};
  auto header = checkpoint::unpacked(std::move(stored));
  const auto& mask = header.delta->mask;
  if (mask.seed == recorded.seed && mask.stream == recorded.stream) return header;
  throw InputError{fmt::format("{}: its mask is of seed {} and stream {}, that of the manifest's recipe of seed {} and stream {}",
                               path.string(), mask.seed, mask.stream, recorded.seed, recorded.stream)};
}

}  // namespace

BlockCheck check_deltas(const VerifyOptions& options, const Manifest& manifest, const comm::Communicator& world) {
  if (options.against) {
    throw comm::AgreedError{ExitCode::usage,
                            fmt::format("{}: a sweep's delta checkpoints, no merge that --against could recompute; merge {} and "
                                        "verify that",
                                        options.output.string(), k_delta_recipe)};
  }
  const auto recipe = Json::parse(manifest.recipe);
  BlockCheck check;
  for (std::size_t m = 0; m < manifest.deltas->size(); ++m) {
    const auto& delta = (*manifest.deltas)[m];
    const auto path = options.output / delta.name;
    try {
      const auto model = world.from_root([&] {
        try {
          return read_delta(path, recorded_mask(recipe, m, manifest.deltas->size()));
        } catch (const JsonError& error) {
          throw InputError{fmt::format("{}: {}; {}", OutputPaths{options.output}.manifest.string(), error.what(), k_damaged_manifest)};
        }
      });
      const auto plan = plan_deltas(model, model, {model.delta->mask}, world);
      const auto found = to_hex(write_deltas(plan, model, {}, world).front());
      world.agree([&] {
        if (world.is_root()) checkpoint::check_unchanged(model);
      });
      check.blocks += plan.grid.blocks();
      for (const auto& tensor : model.delta->stored) check.bytes += tensor.bytes;
      if (found != delta.hash)
        check.problems.push_back(fmt::format("{}: XXH3-128 {}, the manifest has {}", path.string(), found, delta.hash));
    } catch (const comm::AgreedError& error) {
      if (error.code() != ExitCode::input) throw;
      check.problems.emplace_back(error.what());
    }
  }
  return check;
}

}  // namespace dare::pipeline
