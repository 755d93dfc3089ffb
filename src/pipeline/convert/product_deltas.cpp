#include <dare/pipeline/product_deltas.hpp>

#include "core/json_text.hpp"
#include "core/printable.hpp"
#include "pipeline/commit.hpp"
#include "pipeline/convert/delta_write.hpp"
#include "pipeline/convert/product_mask.hpp"
#include "pipeline/staging.hpp"
#include "pipeline/unfinished.hpp"
#include "recipe/recipe_from_json.hpp"

#include <dare/core/file.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/output_place.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string name_of(std::size_t model, std::string_view ending) {
  return fmt::format("model{}{}", model, ending);
}

// The product's recipe with its delta checkpoints in the models' places.
std::string delta_recipe(const Product& product, const recipe::Recipe& recipe, std::string_view ending) {
  auto json = Json::parse(product.job.recipe_json);
  if (recipe.base) json["base_model"] = fs::absolute(recipe.base->path).string();
  for (std::size_t m = 0; m < recipe.models.size(); ++m) {
    auto& model = json["models"][m];
    model["model"] = name_of(m, ending);
    for (const auto auxiliary : merge::k_auxiliaries) {
      const auto key = key_of(auxiliary);
      if (model.contains(key)) model[key] = fs::absolute(recipe.models[m].auxiliary->path).string();
    }
  }
  return recipe::recipe_text(json_text(json));
}

// The names under which a folder gets what lies beside a model's weights.
Json side_names(const checkpoint::Header& model) {
  auto names = Json::array();
  for (const auto& name : model.side_files) names.push_back(one_line(name));
  return names;
}

// One run. Staging is rank 0's.
class DeltaRun {
 public:
  DeltaRun(const Work& work, const std::vector<const recipe::Recipe*>& recipes, std::string_view ending, const RunOptions& options,
           const comm::Communicator& world)
      : work_{work},
        recipes_{recipes},
        ending_{ending},
        options_{options},
        world_{world},
        checkpoints_(products(), Json::array()),
        outcomes_(products()) {}

  std::vector<DeltaOutcome> run() {
    world_.agree([&] {
      if (world_.is_root()) stage();
    });
    for (std::size_t m = 0; m < work_.models.size(); ++m) {
      write(m);
      StopSignal::agree(world_, "");
    }
    world_.agree([&] {
      if (!world_.is_root()) return;
      for (const auto& model : work_.models) checkpoint::check_unchanged(model);
    });
    commit();
    return std::move(outcomes_);
  }

 private:
  [[nodiscard]] std::size_t products() const noexcept { return work_.products.size(); }

  void stage() {
    for (const auto& product : work_.products) {
      check_output(product.output, options_, 0);
      staging_.push_back(std::make_unique<Staging>(product.output));
      remove_unfinished(*staging_.back(), options_);
      fs::create_directory(staging_.back()->paths().temporary);
    }
  }

  void write(std::size_t m) {
    const auto& model = work_.models[m];
    std::vector<checkpoint::DeltaMask> masks;
    for (const auto& product : work_.products) masks.push_back(mask_of(product, m));
    auto plan = plan_deltas(model, work_.frame, std::move(masks), world_);
    const auto keeps = [](const recipe::TensorTask& task) { return task.settings.nonfinite == merge::Nonfinite::keep; };
    const auto& tasks = work_.products.front().job.tasks;
    plan.keeps_nonfinite = std::any_of(tasks.begin(), tasks.end(), keeps);  // a policy of the whole recipe
    const auto files = world_.from_root([&] {
      std::vector<DeltaFiles> made;
      for (std::size_t p = 0; p < products(); ++p) {
        const auto spec = delta_spec(plan, p, model, {work_.frame.root.string(), model.root.string()}, options_.shard_size);
        const auto root = staging_[p]->paths().temporary / name_of(m, ending_);
        made.push_back({root, checkpoint::create_output(root, checkpoint::output_kind(root), spec)});
      }
      return made;
    });
    const auto hashes = write_deltas(plan, model, files, world_);
    for (std::size_t p = 0; p < products(); ++p) {
      outcomes_[p].bytes += files[p].layout.total_bytes();
      checkpoints_[p].push_back({{"name", name_of(m, ending_)}, {"xxh3_128", to_hex(hashes[p])}});
      if (ending_.empty()) checkpoints_[p].back()["side_files"] = side_names(model);  // other formats are one file
    }
  }

  void commit() {
    std::vector<Waiting> outputs;
    for (std::size_t p = 0; p < products(); ++p) outputs.push_back({world_.is_root() ? staging_[p].get() : nullptr, &outcomes_[p].refusal});
    put_in_place(
        options_, world_, outputs, [this](std::size_t p, const OutputPaths& paths) { describe(p, paths); },
        [](const auto& error) { return error; });
  }

  void describe(std::size_t p, const OutputPaths& paths) const {
    const auto& product = work_.products[p];
    write_text(paths.temporary / k_delta_recipe, delta_recipe(product, *recipes_[p], ending_));
    auto manifest = Json::parse(manifest_head(work_, product));
    manifest["outputs"] = "delta";
    manifest["bytes"] = outcomes_[p].bytes;
    manifest["tensors"] = checkpoints_[p];
    write_text(paths.new_manifest, json_lines(manifest, 1));
  }

  static void write_text(const fs::path& file, const std::string& text) { write_new_file(file, std::as_bytes(std::span{text})); }

  const Work& work_;
  const std::vector<const recipe::Recipe*>& recipes_;
  std::string_view ending_;
  const RunOptions& options_;
  const comm::Communicator& world_;
  std::vector<std::unique_ptr<Staging>> staging_;
  std::vector<Json> checkpoints_;  // by product: what the manifest says of them
  std::vector<DeltaOutcome> outcomes_;
};

}  // namespace

std::vector<DeltaOutcome> write_product_deltas(const Work& work, const std::vector<const recipe::Recipe*>& recipes, std::string_view ending,
                                               const RunOptions& options, const comm::Communicator& world) {
  return DeltaRun{work, recipes, ending, options, world}.run();
}

}  // namespace dare::pipeline
