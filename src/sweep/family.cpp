#include "sweep/family.hpp"

#include "checkpoint/endings.hpp"
#include "pipeline/recorded.hpp"
#include "sweep/equal_points.hpp"

#include <dare/core/hash.hpp>
#include <dare/pipeline/delta_models.hpp>
#include <dare/pipeline/input_hash.hpp>
#include <dare/pipeline/input_times.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/merge_output_spec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace dare::sweep {
namespace {

using Json = nlohmann::ordered_json;

std::string key_of(const recipe::Recipe& recipe) {
  std::string key;
  const auto add = [&](const recipe::Source& source) { key += source.path.string() + '\0' + source.written + '\0'; };
  if (recipe.base) add(*recipe.base);
  key += '\1';
  for (const auto& model : recipe.models) {
    add(model);
    if (model.auxiliary) add(*model.auxiliary);
    key += '\1';
  }
  return key;
}

Json joined(const std::vector<Json>& values) {
  std::string text;
  bool equal = true;
  for (const auto& value : values) {
    text += (text.empty() ? "" : "+") + (value.is_null() ? "-" : value.is_string() ? value.get<std::string>() : value.dump());
    equal = equal && value == values.front();
  }
  return values.empty() ? Json{} : equal ? values.front() : Json(text);
}

// 1 - density as somebody would write it: 0.67 of 0.33, not the 0.6699999999999999 of binary numbers.
Json dropped(const Json& density) {
  if (!density.is_array()) return std::stod(fmt::format("{:.15g}", 1 - density.get<double>()));
  auto rates = Json::array();
  for (const auto& one : density) rates.push_back(dropped(one));
  return rates;
}

// The rate of one model, a list where it is a gradient or differs between tensors; null where it has none.
Json drop_rate_of(const Json& model) {
  if (model.contains("drop_rate")) return model["drop_rate"];
  if (model.contains("density")) return dropped(model["density"]);
  if (!model.contains("rate")) return {};
  auto parts = model["rate"];
  for (auto& part : parts) {
    if (!part.contains("density")) continue;
    part["drop_rate"] = dropped(part["density"]);
    part.erase("density");
  }
  return parts;
}

// Every model's value of one key, in the models' order; null for one that has none.
std::vector<Json> of_models(const Json& models, const std::string& key) {
  std::vector<Json> values;
  for (const auto& model : models) values.push_back(key == "drop_rate" ? drop_rate_of(model) : model.value(key, Json{}));
  return values;
}

// One value where all models have it, else null and one value a model: a table has numbers in its columns then, not lists as text.
void put_of_models(const Json& models, const std::string& key, Json& settings) {
  const auto values = of_models(models, key);
  const bool equal = std::all_of(values.begin(), values.end(), [&](const auto& value) { return value == values.front(); });
  settings[key] = values.empty() || !equal ? Json{} : values.front();
  for (std::size_t k = 0; !equal && k < values.size(); ++k) settings[fmt::format("{}.{}", key, k + 1)] = values[k];
}

void identify(Family& family) {
  auto inputs = inputs_of(family);
  inputs.content_hashes.clear();
  pipeline::Product none;
  none.job.recipe_json = "null";
  auto manifest = Json::parse(pipeline::manifest_head(inputs, none));
  manifest.erase("program");
  family.identity = hash_hex(manifest.dump());
  if (!family.content_hashes.empty()) family.contents = hash_hex(Json(family.content_hashes).dump());
}

bool names_models(const Point& point) {
  return std::any_of(point.variations.begin(), point.variations.end(), [](const auto& one) { return one->key == "models"; });
}

void refuse_other(const RecordedInputs& recorded, const std::vector<std::string>& differences) {
  pipeline::refuse_other_inputs(recorded.file, differences, "under models in grid or points");
}

void read_headers(const RecordedInputs* recorded, Family& family) {
  auto recipe = family.sources.recipe;
  if (family.recorded) family.sources = pipeline::read_recorded_sources(std::move(recipe), recorded->inputs_at);
  else if (recorded != nullptr) family.sources = pipeline::read_sources(std::move(recipe), pipeline::place_of_inputs(recorded->inputs_at));
  else family.sources = pipeline::read_sources(std::move(recipe));
}

}  // namespace

std::string recipe_hash(const std::string& recipe_json, const Settings& settings) {
  const auto& forms = checkpoint::k_output_forms;
  const auto form = std::find_if(forms.begin(), forms.end(), [&](const auto& row) { return row.kind == settings.format; }) - forms.begin();
  return hash_hex(fmt::format("{}\n{}\n{}", recipe_json, static_cast<int>(settings.outputs), form));
}

std::vector<PointKey> keys_of(const Specification& specification, Problems& problems) {
  std::vector<PointKey> keys(specification.points());
  specification.check(problems, [&](std::uint64_t i, const recipe::Recipe& recipe, const std::string& recipe_json) {
    const auto inputs = key_of(recipe);
    const auto* method = merge::find_method(recipe.method);
    keys[i] = {recipe_hash(recipe_json, specification.settings()), hash128(std::as_bytes(std::span{inputs})), recipe.seed, method,
               outcome_of(recipe_json, *method)};
  });
  return keys;
}

std::vector<Family> read_families(const Specification& specification, const std::vector<PointKey>& keys, const RecordedInputs* recorded,
                                  Problems& problems) {
  std::vector<Family> families;
  std::map<Hash128, std::size_t> known;
  for (std::uint64_t i = 0; i < keys.size(); ++i) {
    if (keys[i].method == nullptr) continue;
    const auto [at, is_new] = known.emplace(keys[i].inputs, families.size());
    if (is_new) families.emplace_back().sources.recipe = specification.recipe(specification.point(i));
    auto& family = families[at->second];
    family.points.push_back(i);
    if (recorded != nullptr && !family.recorded) family.recorded = !names_models(specification.point(i));
  }
  for (auto& family : families) {
    std::stable_sort(family.points.begin(), family.points.end(), [&](auto a, auto b) { return keys[a].seed < keys[b].seed; });
    try {
      read_headers(recorded, family);
    } catch (const Error& error) {
      family.problem = Refusal{error};
      family.problem.code = ExitCode::input;
      continue;
    }
    if (family.recorded)
      problems.attempt([&] { refuse_other(*recorded, pipeline::inputs_that_differ(recorded->manifest, inputs_of(family))); });
  }
  return families;
}

std::vector<Family> find_families(const Specification& specification, const std::vector<PointKey>& keys, const RecordedInputs* recorded,
                                  bool hash_inputs, const comm::Communicator& world) {
  auto all = world.from_root([&] {
    Problems problems;
    auto families = read_families(specification, keys, recorded, problems);
    problems.throw_if_any();
    return families;
  });
  for (auto& family : all) {
    if (!family.problem.empty()) continue;
    if (hash_inputs) family.content_hashes = pipeline::hash_inputs(inputs_of(family), world);
    world.agree([&] {
      if (hash_inputs && family.recorded && world.is_root())
        refuse_other(*recorded, pipeline::contents_that_differ(recorded->manifest, inputs_of(family), family.content_hashes));
    });
    identify(family);
  }
  return all;
}

pipeline::Work inputs_of(const Family& family) {
  const auto& sources = family.sources;
  return {sources.frame, sources.recipe.base.has_value(), sources.models, sources.auxiliaries, {}, family.content_hashes};
}

Json files_of(const Family& family) {
  const auto inputs = inputs_of(family);
  auto files = Json::array();
  for (std::size_t i = 0; i < inputs.inputs(); ++i) {
    for (const auto& file : inputs.input(i).files)
      files.push_back({{"path", file.path.string()}, {"size", file.size}, {"modified", pipeline::time_text(file.changed_ns)}});
  }
  for (const auto& file : pipeline::files_beside_weights(inputs)) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    const auto changed = pipeline::changed_ns(file);
    if (!error && changed) files.push_back({{"path", file.string()}, {"size", size}, {"modified", pipeline::time_text(*changed)}});
  }
  return files;
}

Json settings_of(const Point& point, const std::string& recipe_json) {
  const auto recipe = Json::parse(recipe_json);
  const auto& models = recipe["models"];
  Json settings{{"merge_method", recipe["merge_method"]}, {"models", joined(of_models(models, "model"))}};
  for (const auto* key : {"drop_rate", "weight"}) put_of_models(models, key, settings);
  const auto& parameters = recipe["parameters"];
  settings["lambda"] = parameters.contains("lambda") ? parameters["lambda"] : Json{};
  put_of_models(models, "rescale", settings);
  settings["seed"] = recipe["seed"];
  for (const auto& variation : point.variations) {
    const auto& key = variation->key;
    if (key != "models" && settings.contains(key)) continue;
    const bool is_a_models = std::any_of(models.begin(), models.end(), [&](const auto& model) { return model.contains(key); });
    if (key != "models" && is_a_models) put_of_models(models, key, settings);
    else settings[key] = variation->text;
  }
  return settings;
}

std::filesystem::path output_of(const std::filesystem::path& folder, const std::string& point, const Settings& settings) {
  return folder / fmt::format("{}{}", point, settings.outputs == Outputs::delta ? "" : ending_of(settings.format));
}

PassWork::PassWork(const Specification& specification, const Family& family, const std::vector<std::uint64_t>& points,
                   const std::filesystem::path& folder, const pipeline::RunOptions& run)
    : family_{family}, work_{inputs_of(family)} {
  for (const auto number : points) {
    const auto point = specification.point(number);
    auto recipe = std::make_unique<recipe::Recipe>(specification.recipe(point));
    try {
      auto job = recipe::resolve(*recipe, family.sources.frame, family.sources.models, family.sources.auxiliaries);
      pipeline::check_delta_models(work_, job);
      work_.products.push_back({std::move(job), output_of(folder, point.name, specification.settings()), {}});
    } catch (const Error& error) {
      refused_.push_back({number, Refusal{error}});
      continue;
    }
    points_.push_back(number);
    recipes_.push_back(std::move(recipe));
  }
  for (std::size_t p = 0; p < points_.size(); ++p) {
    work_.products[p].output_spec = [this, p, run] { return pipeline::merge_output_spec(work_, work_.products[p], *recipes_[p], run); };
  }
}

}  // namespace dare::sweep
