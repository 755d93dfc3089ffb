#include "recipe/mergekit.hpp"

#include "recipe/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace dare::recipe {
namespace {

struct Answer {
  std::string_view word;
  std::string_view text;
};

constexpr std::array k_keys{
    Answer{"modules", "merging modules of an architecture apart is not supported; list whole models under models"},
    Answer{"name", "recipes of several merges are not supported; write one recipe for each"},
    Answer{"random_seed", "did you mean seed? mergekit takes it as an option, --random-seed"},
    Answer{"experts", "mixtures of experts are not built here"},
    Answer{"gate_mode", "mixtures of experts are not built here"},
    Answer{"shared_experts", "mixtures of experts are not built here"},
};

constexpr std::array k_methods{
    Answer{"nuslerp",
           "without a base_model, slerp is near it: the first model as base_model, the second under models, t its share of the weights; "
           "nothing here does what it does with a base_model"},
    Answer{"multislerp", "karcher is near it where it has no base_model: the mean on the sphere by more than one step"},
    Answer{"passthrough", "models are not stacked here; dare-convert copies one, with --include and --exclude"},
    Answer{"arcee_fusion", "nothing here comes near it"},
    Answer{"ram", "nothing here comes near it"},
    Answer{"ramplus_tl", "nothing here comes near it"},
};

constexpr auto k_tokenizer =
    "tokenizers are not merged, the base's is copied: write base, and rows: base or extend where vocabularies differ";

template <std::size_t N>
std::optional<std::string_view> answer_to(std::string_view word, const std::array<Answer, N>& answers) noexcept {
  const auto* const found = std::find_if(answers.begin(), answers.end(), [&](const auto& answer) { return answer.word == word; });
  return found == answers.end() ? std::nullopt : std::optional{found->text};
}

std::string_view without_last_slash(std::string_view path) {
  return path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

// "base", or the base by its path.
void check_tokenizer_source(YamlReader& yaml, const YAML::Node& node, std::string_view name, const Draft& draft) {
  if (node.IsNull()) return;
  const auto is_base = [&](std::string_view word) {
    return word == "base" || (!draft.base_named.empty() && without_last_slash(word) == without_last_slash(draft.base_named));
  };
  if (!node.IsScalar() || !is_base(node.Scalar())) yaml.refuse(node, fmt::format("{}: only base is supported: {}", name, k_tokenizer));
}

void check_tokenizer(YamlReader& yaml, const YamlReader::Entry& entry, const Draft& draft) {
  if (entry.value.IsNull()) return;
  bool sourced = !entry.value.IsMap();
  for (const auto& [key, key_node, value] : yaml.mapping(entry.value, "tokenizer")) {
    if (key == "source") {
      sourced = true;
      check_tokenizer_source(yaml, value, "tokenizer.source", draft);
    } else if (key == "tokens" || key == "pad_to_multiple_of") {
      const bool empty = value.IsNull() || (value.IsMap() && value.size() == 0);
      if (!empty) yaml.refuse(key_node, fmt::format("tokenizer.{}: embeddings are not changed token by token here; leave it out", key));
    } else {
      refuse_unknown(yaml, {key, key_node, value}, "tokenizer", {"source", "tokens", "pad_to_multiple_of"});
    }
  }
  if (!sourced)
    yaml.refuse(entry.key_node,
                "tokenizer has no source, which to mergekit means union: tokenizers are not merged here; write source: base");
}

void check_chat_template(YamlReader& yaml, const YamlReader::Entry& entry, Draft& draft) {
  if (entry.value.IsNull()) return;
  if (entry.value.IsScalar() && entry.value.Scalar() == "auto") {
    draft.recipe.notes.push_back(
        fmt::format("{}: chat_template: auto: the base's is copied, whatever most models have", yaml.place(entry.value)));
    return;
  }
  yaml.refuse(entry.key_node,
              "chat_template: templates are not written here, the base's is copied: leave it out, and put another one into the "
              "output's tokenizer_config.json or chat_template.jinja");
}

}  // namespace

std::optional<std::string_view> why_not_taken(std::string_view key) noexcept {
  return answer_to(key, k_keys);
}

std::optional<std::string_view> near_method_of_mergekit(std::string_view method) noexcept {
  return answer_to(method, k_methods);
}

bool read_copied_files(YamlReader& yaml, const YamlReader::Entry& entry, Draft& draft) {
  if (entry.key == "tokenizer_source") check_tokenizer_source(yaml, entry.value, entry.key, draft);
  else if (entry.key == "tokenizer") check_tokenizer(yaml, entry, draft);
  else if (entry.key == "chat_template") check_chat_template(yaml, entry, draft);
  else return false;
  return true;
}

void note_mergekits_defaults(Draft& draft, const merge::Method& method) {
  auto& recipe = draft.recipe;
  if (draft.where.empty() || draft.gives("compat") || !method.mergekit_rescales) return;
  const auto note_default = [&](std::string_view key, auto here, auto there) {
    recipe.notes.push_back(fmt::format("{}: {}: {} is the default here, mergekit's is {} for {}; compat: mergekit takes its defaults",
                                       draft.where, key, here, there, method.name));
  };
  if (method.normalize != method.mergekit_normalize && !recipe.method_parameters.normalize)
    note_default("normalize", method.normalize, method.mergekit_normalize);
  // By masks that are drawn at random what is kept has, but for chance, its density's share of the norm: the two factors mean the same
  // there.
  if (method.sparsifier == merge::Sparsifier::dare) return;
  if (!draft.rescale_true.empty()) {
    recipe.notes.push_back(
        fmt::format("{}: rescale: true is expected here, l1 in mergekit; compat: mergekit takes its meaning", draft.rescale_true));
  } else if (method.rescale == merge::Rescale::expected && !recipe.parameters.rescale &&
             std::any_of(recipe.models.begin(), recipe.models.end(), [](const auto& model) { return !model.parameters.rescale; })) {
    note_default("rescale", "expected", "l1");
  }
}

}  // namespace dare::recipe
