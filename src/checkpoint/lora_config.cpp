#include "checkpoint/lora_config.hpp"

#include "checkpoint/lora_pattern.hpp"
#include "core/bounded_json.hpp"
#include "core/json_text.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <set>

namespace dare::checkpoint::lora {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;  // the first pattern that matches wins

// Keys that say how the adapter was trained, or what its tensors' names say anyway.
const std::set<std::string, std::less<>> k_without_effect{"auto_mapping",
                                                          "base_model_name_or_path",
                                                          "bias",
                                                          "corda_config",
                                                          "ensure_weight_tying",
                                                          "eva_config",
                                                          "exclude_modules",
                                                          "inference_mode",
                                                          "layers_pattern",
                                                          "layers_to_transform",
                                                          "loftq_config",
                                                          "lora_dropout",
                                                          "lora_ga_config",
                                                          "megatron_core",
                                                          "modules_to_save",
                                                          "peft_version",
                                                          "qalora_group_size",
                                                          "revision",
                                                          "runtime_config",
                                                          "target_modules",
                                                          "task_type"};

// Keys whose effect is computed here.
const std::set<std::string, std::less<>> k_with_effect{
    "peft_type", "r", "lora_alpha", "use_rslora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "init_lora_weights"};

// Initialisations that leave the base as it is.
constexpr std::array<std::string_view, 3> k_plain_initialisations{"gaussian", "eva", "orthogonal"};

class Parser {
 public:
  explicit Parser(const fs::path& path) : path_{path} {}

  Config parse(const Json& json) const {
    if (!json.is_object()) refuse("no JSON object; give an adapter's folder");
    check_type(json);
    check_initialisation(json);
    for (const auto& [key, value] : json.items()) {
      if (k_with_effect.contains(key) || k_without_effect.contains(key) || !is_active(value)) continue;
      refuse(
          fmt::format("{} is {}: such an adapter is no scaled product of two matrices here; merge it into its base with PEFT, and give the "
                      "result as the model",
                      printable(key), brief(value)));
    }
    Config config;
    if (const auto* r = member(json, "r")) config.rank = natural("r", *r);
    if (const auto* alpha = member(json, "lora_alpha")) config.alpha = number("lora_alpha", *alpha);
    config.rank_stabilised = boolean(json, "use_rslora");
    config.fan_in_fan_out = boolean(json, "fan_in_fan_out");
    each_pattern(json, "rank_pattern", [&](const std::string& pattern, const Json& value) {
      config.rank_pattern.emplace_back(pattern, natural("rank_pattern", value));
    });
    each_pattern(json, "alpha_pattern", [&](const std::string& pattern, const Json& value) {
      config.alpha_pattern.emplace_back(pattern, number("alpha_pattern", value));
    });
    return config;
  }

  [[noreturn]] void refuse(const std::string& what) const { throw InputError{fmt::format("{}: {}", path_.string(), what)}; }

 private:
  static bool is_active(const Json& value) {
    return !(value.is_null() || (value.is_boolean() && !value.get<bool>()) || (value.is_structured() && value.empty()));
  }

  void check_type(const Json& json) const {
    const auto type = json.find("peft_type");
    if (type != json.end() && *type == "LORA") return;
    refuse(fmt::format("peft_type is {}, \"LORA\" is expected; merge the adapter into its base with PEFT, and give the result as the model",
                       type == json.end() ? "absent" : brief(*type)));
  }

  void check_initialisation(const Json& json) const {
    const auto how = json.find("init_lora_weights");
    if (how == json.end() || how->is_boolean() || how->is_null()) return;
    for (const auto plain_one : k_plain_initialisations) {
      if (*how == plain_one) return;
    }
    refuse(fmt::format("init_lora_weights is {}: it changed the base too; save the adapter with path_initial_model_for_weight_conversion",
                       brief(*how)));
  }

  std::uint64_t natural(const char* key, const Json& value) const {
    if (!value.is_number_unsigned() || value == 0U) refuse(fmt::format("{} holds {}, a number from 1 up is expected", key, brief(value)));
    return value.get<std::uint64_t>();
  }
  double number(const char* key, const Json& value) const {
    if (!value.is_number()) refuse(fmt::format("{} holds {}, a number is expected", key, brief(value)));
    return value.get<double>();
  }
  // Values are looked at in place: to copy one that is nested deeply would exhaust the stack.
  static const Json* member(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
  bool boolean(const Json& json, const char* key) const {
    const auto* value = member(json, key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) refuse(fmt::format("{} is {}, true or false is expected", key, brief(*value)));
    return value->get<bool>();
  }
  template <class Take>
  void each_pattern(const Json& json, const char* key, Take&& take) const {
    const auto* patterns = member(json, key);
    if (patterns == nullptr) return;
    if (!patterns->is_object()) refuse(fmt::format("{} is {}, an object is expected", key, brief(*patterns)));
    for (const auto& [pattern, value] : patterns->items()) {
      if (!is_plain_pattern(pattern)) {
        refuse(fmt::format("{} holds \"{}\": patterns of letters, digits, _ - . \\. .* ^ and $ are read; write the modules' names", key,
                           printable(pattern)));
      }
      take(pattern, value);
    }
  }

  const fs::path& path_;
};

template <class T>
T first_match(const std::vector<std::pair<std::string, T>>& patterns, std::string_view module, T otherwise) {
  for (const auto& [pattern, value] : patterns) {
    if (matches_module(pattern, module)) return value;
  }
  return otherwise;
}

}  // namespace

std::uint64_t Config::rank_of(std::string_view module) const {
  return first_match(rank_pattern, module, rank);
}

double Config::scale_of(std::string_view module) const {
  const auto r = static_cast<double>(rank_of(module));
  return first_match(alpha_pattern, module, alpha) / (rank_stabilised ? std::sqrt(r) : r);
}

Config parse_config(const fs::path& path, std::string_view text) {
  const Parser parser{path};
  try {
    return parser.parse(parse_bounded<Json>(text, JsonBounds{.values = 100'000, .keys = 10'000}));
  } catch (const JsonError& error) { parser.refuse(fmt::format("no valid JSON ({}); fetch the file again", printable(error.what(), 200))); }
}

}  // namespace dare::checkpoint::lora
