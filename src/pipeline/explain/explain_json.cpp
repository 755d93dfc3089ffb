#include "core/json_text.hpp"
#include "pipeline/explain/explain_print.hpp"
#include "pipeline/explain/explain_value.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>

namespace dare::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// JSON knows no infinity.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value));
}

Json element(const merge::StoredElement& stored) {
  Json json{{"dtype", name(stored.dtype)}, {"bits", bits_text(stored)}};
  const auto kind = info(stored.dtype).kind;
  if (kind == DtypeKind::floating) json["value"] = number(stored.value);
  else if (kind != DtypeKind::opaque) json["value"] = Json::parse(value_text(stored));
  return json;
}

void add_facts(Json& json, const std::vector<merge::Fact>& facts) {
  auto& object = json["steps"] = Json::object();
  for (const auto& fact : facts) object[std::string{fact.name}] = number(fact.value);
}

Json cut(const merge::Cut& cut, bool wide) {
  const auto key = wide ? std::bit_cast<double>(cut.key) : static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(cut.key)));
  Json json{{"delta", number(key)}};
  if (cut.tie_end != merge::k_all_elements) json["ties_below_element"] = cut.tie_end;
  return json;
}

Json model(const merge::ExplainedModel& part, const std::string& name, const merge::TensorSettings& settings, std::size_t k, bool wide,
           bool left_out) {
  Json json{{"model", name}, {"present", part.present}};
  if (!part.present) return json;
  const auto& term = settings.models[k];
  json["weight"] = term.weight;
  if (part.stored) json["stored"] = left_out ? Json() : element(*part.stored);
  json["F"] = left_out ? Json() : number(part.tuned);
  json["delta"] = left_out ? Json() : number(part.delta);
  if (part.draw) {
    auto& draw = json["draw"] = Json{{"stream", term.stream}, {"rate", part.draw->rate}};
    if (part.draw->uniform) {
      draw["uniform"] = *part.draw->uniform;
    } else {
      draw["u"] = fmt::format("0x{:08x}", part.draw->u);
      draw["threshold"] = fmt::format("0x{:08x}", part.draw->threshold);
    }
  }
  if (part.cuts) {
    if (part.cuts->kept != merge::Cut::nothing()) json["cut"] = cut(part.cuts->kept, wide);
    if (part.cuts->outlier != merge::Cut::nothing()) json["outliers_above"] = cut(part.cuts->outlier, wide);
  }
  json["kept"] = part.kept;
  json["g"] = number(part.rescale);
  if (part.auxiliary) json["fisher"] = element(*part.auxiliary);
  add_facts(json, part.facts);
  return json;
}

void add_merged(Json& json, const Explained& explained, const merge::Explanation& of) {
  const auto& settings = explained.task.settings;
  json["action"] = "merge";
  json["method"] = explained.recipe.method;
  json["seed"] = settings.seed;
  json["working_type"] = of.wide ? "F64" : "F32";
  json["base"] = of.base ? element(*of.base) : Json();
  auto& models = json["models"] = Json::array();
  for (std::size_t k = 0; k < of.models.size(); ++k)
    models.push_back(model(of.models[k], explained.models[k], settings, k, of.wide, explained.left_out[k]));
  add_facts(json, of.facts);
  json["result"] = number(of.result);
  json["from"] = of.origin == merge::Origin::base ? "base" : "result";
  json["rounding"] = of.rounding_draw ? "stochastic" : "nearest";
  if (of.rounding_draw) json["rounding_draw"] = fmt::format("0x{:04x}", *of.rounding_draw);
  if (!of.finding) json["output"] = element(of.output);
}

}  // namespace

std::string to_json(const Explained& explained) {
  const auto& task = explained.task;
  Json json{{"tensor", explained.tensor}, {"shape", task.shape}, {"index", explained.index}};
  if (explained.merged) {
    add_merged(json, explained, *explained.merged);
  } else {
    json["action"] = task.action == recipe::TensorTask::Action::copy ? "copy" : "convert";
    json["why"] = explained.untouched;
    if (explained.copied) json["base"] = element(*explained.copied);
    if (explained.written && explained.refusal.empty()) json["output"] = element(*explained.written);
  }
  if (!explained.refusal.empty()) json["refused"] = explained.refusal;
  return json_lines(json);
}

}  // namespace dare::pipeline
