#include "pipeline/verify/verify_deltas.hpp"

#include "pipeline/convert/delta_write.hpp"

#include <dare/core/error.hpp>
#include <dare/pipeline/product_deltas.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// Rank 0's part. @param model  at its place in the recipe.
checkpoint::Header read_delta(const std::filesystem::path& path, const Json& recipe, std::size_t model) {
  auto stored = checkpoint::read_header(path);
  if (!checkpoint::is_delta(stored)) throw InputError{fmt::format("{}: no delta checkpoint", path.string())};
  auto header = checkpoint::unpacked(std::move(stored));
  const auto& mask = header.delta->mask;
  const auto seed = recipe.at("seed").get<std::uint64_t>();
  const auto stream = recipe.at("models").at(model).at("stream").get<std::uint64_t>();
  if (mask.seed == seed && mask.stream == stream) return header;
  throw InputError{fmt::format("{}: its mask is of seed {} and stream {}, that of the manifest's recipe of seed {} and stream {}",
                               path.string(), mask.seed, mask.stream, seed, stream)};
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
          return read_delta(path, recipe, m);
        } catch (const nlohmann::json::exception& error) {
          throw InputError{fmt::format("{}: the recipe in its manifest has no such model ({})", path.string(), error.what())};
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
