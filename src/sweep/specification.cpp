#include "sweep/specification.hpp"

#include "checkpoint/endings.hpp"
#include "core/printable.hpp"
#include "pipeline/recorded.hpp"
#include "recipe/finish.hpp"
#include "recipe/names.hpp"
#include "recipe/parse.hpp"
#include "recipe/recipe_json.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/core/file.hpp>
#include <dare/core/hash.hpp>
#include <dare/core/shape.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;
using recipe::YamlReader;

constexpr recipe::Words<Outputs, 3> k_outputs{{{"model", Outputs::model}, {"delta", Outputs::delta}, {"statistics", Outputs::statistics}}};
constexpr auto k_format = [] {
  recipe::Words<checkpoint::OutputKind, checkpoint::k_output_forms.size()> words;
  std::transform(checkpoint::k_output_forms.begin(), checkpoint::k_output_forms.end(), words.begin(), [](const auto& form) {
    return std::pair{form.word, form.kind};
  });
  return words;
}();
constexpr recipe::Words<Keep, 3> k_keep{{{"none", Keep::none}, {"best", Keep::best}, {"all", Keep::all}}};
constexpr recipe::Words<bool, 2> k_best{{{"highest", false}, {"lowest", true}}};
constexpr recipe::Range k_seconds{0.001, 1e9, "[0.001, 1e9] seconds"};
constexpr std::uint64_t k_most_ever = 10'000'000;

const std::vector<std::string_view> k_sweep_keys{"recipe",           "grid", "points", "outputs", "format", "evaluate",
                                                 "evaluate_timeout", "keep", "score",  "best"};
const std::vector<std::string_view> k_taken_names{"points", "results.csv", "results.json"};

bool is_one_of(const std::vector<std::string_view>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::size_t rank_of(std::string_view key) {
  const auto& keys = variation_keys();
  return static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin());
}

void sort_by_key(std::vector<std::shared_ptr<const Variation>>& variations) {
  std::stable_sort(variations.begin(), variations.end(), [](const auto& a, const auto& b) { return rank_of(a->key) < rank_of(b->key); });
}

std::vector<std::string_view> all_keys() {
  auto keys = k_sweep_keys;
  const auto& recipe = recipe::recipe_keys();
  keys.insert(keys.end(), recipe.begin(), recipe.end());
  return keys;
}

bool is_called_like_a_file(const std::string& name) {
  try {
    checkpoint::check_ending(name);
  } catch (const UsageError&) { return true; }
  return checkpoint::output_kind(name) != checkpoint::OutputKind::folder;
}

// Equal for recipes that differ in nothing but whether a rate is given as density or as drop_rate.
std::string with_drop_rates(const std::string& recipe_json) {
  auto recipe = nlohmann::json::parse(recipe_json);  // keys by name, not in the text's order
  for (auto& model : recipe["models"]) {
    if (!model.contains("density") || !model["density"].is_number()) continue;
    model["drop_rate"] = 1 - model["density"].get<double>();
    model.erase("density");
  }
  return recipe.dump();
}

}  // namespace

Texts read_texts(const fs::path& file, const fs::path& inputs_at) {
  if (pipeline::is_manifest(file)) {
    throw UsageError{
        fmt::format("{}: this is the manifest of a merge, no sweep; run dare-merge to make that merge again, or name it under "
                    "recipe: of a sweep, which says what to vary",
                    file.string())};
  }
  Texts texts;
  texts.sweep = file.string();
  texts.sweep_text = recipe::read_document(file, "sweep");
  texts.inputs_at = inputs_at.string();
  Problems problems;
  YamlReader yaml{texts.sweep, problems};
  for (const auto& entry : yaml.mapping(yaml.document(texts.sweep_text), "a sweep")) {
    if (entry.key != "recipe" || !entry.value.IsScalar()) continue;
    const fs::path named{entry.value.Scalar()};
    const auto recipe = named.is_absolute() ? named : file.parent_path() / named;
    texts.recipe = recipe.string();
    texts.of_manifest = pipeline::is_manifest(recipe);
    try {
      texts.recipe_text = texts.of_manifest ? pipeline::recorded_recipe(recipe) : recipe::read_document(recipe, "recipe");
    } catch (const Error& error) { texts.recipe_problem = Refusal{error}; }
  }
  return texts;  // problems are reported when the text is parsed in earnest
}

Specification::Specification(const Texts& texts, Problems& problems)
    : folder_{texts.of_manifest ? fs::path{texts.inputs_at} : fs::path{texts.recipe.empty() ? texts.sweep : texts.recipe}.parent_path()} {
  const auto before = problems.texts().size();
  YamlReader yaml{texts.sweep, problems};
  const auto entries = yaml.mapping(yaml.document(texts.sweep_text), "a sweep");
  problems.attempt([&] { read_base(texts, yaml, entries, problems); });
  for (const auto& entry : entries) {
    if (is_one_of(recipe::recipe_keys(), entry.key) || read_setting(yaml, entry)) continue;
    if (entry.key == "grid") read_grid(yaml, entry.value);
    else if (entry.key == "points") read_points(yaml, entry.value);
    else if (entry.key != "recipe") recipe::refuse_unknown(yaml, entry, "a sweep", all_keys());
  }
  check_settings(texts.sweep, problems);
  if (!texts.inputs_at.empty() && !texts.of_manifest)
    problems.usage("--inputs-at goes with a manifest under recipe:; a recipe's paths are relative to its folder");
  const bool sound = problems.texts().size() == before;
  if (sound && points() == 0) problems.usage(fmt::format("{}: neither grid nor points give any point", texts.sweep));
  if (points() > k_most_ever) problems.usage(fmt::format("{}: {} points, a sweep has at most {}", texts.sweep, points(), k_most_ever));
}

// The recipe that every point starts from: a file of its own, or keys among the sweep's.
void Specification::read_base(const Texts& texts, YamlReader& yaml, const std::vector<YamlReader::Entry>& entries, Problems& problems) {
  std::vector<YamlReader::Entry> own;
  const YamlReader::Entry* named = nullptr;
  for (const auto& entry : entries) {
    if (entry.key == "recipe") named = &entry;
    if (is_one_of(recipe::recipe_keys(), entry.key)) own.push_back(entry);
  }
  base_.where = texts.recipe.empty() ? texts.sweep : texts.recipe;
  if (named == nullptr) return recipe::read_recipe(yaml, own, folder_, base_);
  (void)yaml.text(named->value, named->key);
  for (const auto& entry : own) {
    yaml.refuse(
        entry.key_node,
        fmt::format("{} is given beside recipe; {} {}", entry.key,
                    texts.of_manifest ? "vary it in grid or points, or write a recipe in the place of" : "write it in", texts.recipe));
  }
  for (const auto& text : texts.recipe_problem.texts) problems.add(Error{texts.recipe_problem.code, text});
  if (!texts.recipe_problem.empty()) return;
  if (texts.of_manifest) base_.where += ": the manifest's recipe";
  YamlReader of_recipe{base_.where, problems};
  recipe::read_recipe(of_recipe, of_recipe.document(texts.recipe_text), folder_, base_);
}

bool Specification::read_setting(YamlReader& yaml, const YamlReader::Entry& entry) {
  const auto& [key, key_node, value] = entry;
  const auto take = [](auto& into, const auto& read) {
    if (read) into = *read;
    return true;
  };
  if (key == "outputs") return take(settings_.outputs, yaml.choice(value, key, k_outputs));
  if (key == "format") return take(settings_.format, yaml.choice(value, key, k_format));
  if (key == "keep") return take(settings_.keep, yaml.choice(value, key, k_keep));
  if (key == "best") return take(settings_.lowest_is_best, yaml.choice(value, key, k_best));
  if (key == "evaluate") {
    settings_.evaluate_place = yaml.place(key_node);
    return take(settings_.evaluate, yaml.text(value, key));
  }
  if (key == "score") return take(settings_.score, yaml.text(value, key));
  if (key == "evaluate_timeout") return take(settings_.evaluate_timeout_s, yaml.number(value, key, k_seconds));
  return false;
}

void Specification::check_settings(const std::string& where, Problems& problems) const {
  if (settings_.evaluate.empty() && settings_.keep != Keep::all) {
    problems.usage(fmt::format("{}: keep: {} without evaluate would delete what nobody has scored; give evaluate, or keep: all", where,
                               recipe::word_for(k_keep, settings_.keep)));
  }
  if (settings_.keep == Keep::best && !settings_.evaluate.empty() && settings_.score.empty()) {
    problems.usage(
        fmt::format("{}: keep: best deletes all checkpoints but the best; name the score that decides, such as score: accuracy", where));
  }
  if (settings_.outputs != Outputs::model && !settings_.evaluate.empty()) {
    problems.usage(fmt::format("{}: outputs: {} writes no checkpoint that evaluate could be run on; use outputs: model", where,
                               recipe::word_for(k_outputs, settings_.outputs)));
  }
}

void Specification::read_grid(YamlReader& yaml, const YAML::Node& grid) {
  std::optional<std::uint64_t> all = 1;
  const auto entries = yaml.mapping(grid, "grid");
  for (const auto& entry : entries) {
    if (is_one_of(variation_keys(), entry.key)) read_axis(yaml, entry);
    else recipe::refuse_unknown(yaml, entry, "grid", variation_keys());
  }
  for (const auto& axis : axes_) all = all ? checked_product(*all, axis.values.size()) : all;
  if (std::any_of(axes_.begin(), axes_.end(), [](const auto& axis) { return axis.key == "drop_rate"; }) &&
      std::any_of(axes_.begin(), axes_.end(), [](const auto& axis) { return axis.key == "density"; })) {
    yaml.refuse(grid, "grid: drop_rate and density are both given; density is 1 - drop_rate, give one");
  }
  grid_points_ = axes_.empty() ? 0 : all.value_or(k_most_ever + 1);
}

void Specification::read_axis(YamlReader& yaml, const YamlReader::Entry& entry) {
  Axis axis{entry.key, {}};
  std::map<std::string, std::string> seen;
  const auto add = [&](std::optional<Variation> value) {
    if (!value) return;
    const auto [other, is_new] = seen.emplace(value->text, value->place);
    if (is_new) axis.values.push_back(std::make_shared<Variation>(std::move(*value)));
    else
      yaml.refuse(entry.key_node, fmt::format("{}: {} is given twice ({} and {}): two points would be the same", entry.key, value->text,
                                              other->second, value->place));
  };
  if (entry.key == "models") {
    for (const auto& set : yaml.mapping(entry.value, "models")) add(read_model_set(yaml, set, folder_));
  } else {
    for (const auto& node : yaml.sequence(entry.value, entry.key)) add(read_variation(yaml, entry.key, node));
  }
  const bool empty = (entry.value.IsSequence() || entry.value.IsMap()) && entry.value.size() == 0;
  if (empty) yaml.refuse(entry.key_node, fmt::format("{}: an empty list leaves no point", entry.key));
  axes_.push_back(std::move(axis));
}

void Specification::read_points(YamlReader& yaml, const YAML::Node& points) {
  for (const auto& entry : yaml.mapping(points, "points")) read_point(yaml, entry);
}

// One that is not understood as a whole is none: without a setting it would be another.
void Specification::read_point(YamlReader& yaml, const YamlReader::Entry& entry) {
  bool understood = true;
  if (!is_plain_name(entry.key) || is_one_of(k_taken_names, entry.key)) {
    yaml.refuse(entry.key_node, fmt::format("{} is no name for a point; use letters, digits and ._+=,-, but not {}", in_quotes(entry.key),
                                            fmt::join(k_taken_names, ", ")));
    understood = false;
  }
  Point point{entry.key, yaml.place(entry.key_node), {}};
  for (const auto& setting : yaml.mapping(entry.value, fmt::format("point {}", entry.key))) {
    if (!is_one_of(variation_keys(), setting.key)) {
      recipe::refuse_unknown(yaml, setting, "a point", variation_keys());
      understood = false;
      continue;
    }
    // A set of models has no name of its own here: it has the point's.
    auto value = setting.key == "models" ? read_model_set(yaml, {entry.key, setting.key_node, setting.value}, folder_)
                                         : read_variation(yaml, setting.key, setting.value);
    understood = understood && value;
    if (value) point.variations.push_back(std::make_shared<Variation>(std::move(*value)));
  }
  sort_by_key(point.variations);
  if (understood) named_.push_back(std::move(point));
}

Point Specification::point(std::uint64_t i) const {
  if (i >= grid_points_) return named_[i - grid_points_];
  Point point{{}, base_.where, {}};
  auto rest = i;
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    point.variations.push_back(axis->values[rest % axis->values.size()]);
    rest /= axis->values.size();
  }
  std::reverse(point.variations.begin(), point.variations.end());
  for (const auto& value : point.variations) point.name += fmt::format("{}{}={}", point.name.empty() ? "" : ",", value->key, value->text);
  sort_by_key(point.variations);
  point.place = point.variations.front()->place;
  return point;
}

recipe::Recipe Specification::make_recipe(const Point& point, Problems& problems) const {
  auto draft = base_;
  const auto before = problems.texts().size();
  for (const auto& variation : point.variations) variation->apply(draft, problems);
  if (problems.texts().size() == before) recipe::finish(draft, problems);
  return std::move(draft.recipe);
}

recipe::Recipe Specification::recipe(const Point& point) const {
  Problems problems;
  auto recipe = make_recipe(point, problems);
  problems.throw_if_any();
  return recipe;
}

void Specification::check(Problems& problems, const Visit& visit) const {
  std::set<std::string> told;
  std::map<std::string, std::string> names;
  std::map<std::string, std::string> recipes;
  const auto tell = [&](std::string text) {
    if (told.insert(text).second) problems.usage(std::move(text));
  };
  for (std::uint64_t i = 0; i < points(); ++i) {
    const auto one = point(i);
    if (!is_plain_name(one.name))
      tell(fmt::format("{}: \"{}\" is too long for a file's name; name the points under points", one.place, one.name));
    if (is_called_like_a_file(one.name)) {
      tell(fmt::format("{}: point {} is called like a file; name it without an ending of weight files, and give format:", one.place,
                       one.name));
    }
    const auto [with_name, new_name] = names.emplace(one.name, one.place);
    if (!new_name) tell(fmt::format("{}: two points are called {}, the other in {}", one.place, one.name, with_name->second));
    Problems of_recipe;
    const auto recipe = make_recipe(one, of_recipe);
    for (const auto& text : of_recipe.texts()) tell(text);
    if (!of_recipe.empty()) continue;
    const auto json = recipe::recipe_json(recipe, *merge::find_method(recipe.method));
    const auto [same, is_new] = recipes.emplace(hash_hex(with_drop_rates(json)), one.name);
    if (new_name && !is_new) tell(fmt::format("{}: point {} has the settings of {}", one.place, one.name, same->second));
    if (visit) visit(i, recipe, json);
  }
}

}  // namespace dare::sweep
