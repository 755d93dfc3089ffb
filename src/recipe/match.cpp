#include "recipe/match.hpp"

#include <algorithm>
#include <array>

namespace dare::recipe {
namespace {

// What wrappers put in front of names, and names of the part that holds the layers. The empty one comes first: a rule that only adds or
// only removes is preferred.
constexpr std::array<std::string_view, 16> k_prefixes{"",
                                                      "model.",
                                                      "transformer.",
                                                      "module.",
                                                      "_orig_mod.",
                                                      "base_model.",
                                                      "base_model.model.",
                                                      "language_model.",
                                                      "language_model.model.",
                                                      "model.language_model.",
                                                      "module.model.",
                                                      "module.transformer.",
                                                      "gpt_neox.",
                                                      "bert.",
                                                      "roberta.",
                                                      "encoder."};
constexpr std::size_t k_most_sampled = 1000;  // missing names that a rule is judged by

// Tensors that models share, by the names that families give them.
constexpr std::array<std::array<std::string_view, 4>, 8> k_tied{{
    {"lm_head.weight", "model.embed_tokens.weight", "embed_tokens.weight", ""},
    {"lm_head.weight", "transformer.wte.weight", "wte.weight", ""},
    {"lm_head.weight", "model.decoder.embed_tokens.weight", "", ""},
    {"lm_head.weight", "transformer.word_embeddings.weight", "word_embeddings.weight", ""},
    {"embed_out.weight", "gpt_neox.embed_in.weight", "", ""},
    {"output.weight", "tok_embeddings.weight", "", ""},
    {"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight", "", ""},
    {"shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"},
}};

// Output heads, which families share with the embeddings or not; other groups are shared always.
constexpr std::array<std::string_view, 4> k_heads{"lm_head.weight", "embed_out.weight", "output.weight", "cls.predictions.decoder.weight"};

bool is_head(std::string_view name) {
  return std::find(k_heads.begin(), k_heads.end(), name) != k_heads.end();
}

// Names tied to `name`: usually the output head and the embeddings.
std::vector<std::string_view> tied_to(std::string_view name) {
  std::vector<std::string_view> others;
  for (const auto& group : k_tied) {
    if (std::find(group.begin(), group.end(), name) == group.end()) continue;
    for (const auto other : group) {
      if (!other.empty() && other != name) others.push_back(other);
    }
  }
  return others;
}

std::string renamed(std::string_view name, const PrefixRule& rule) {
  return std::string{rule.model}.append(name.substr(rule.base.size()));
}

std::unordered_map<std::string_view, std::uint32_t> index_of(const checkpoint::Header& header) {
  std::unordered_map<std::string_view, std::uint32_t> index;
  for (std::uint32_t i = 0; i < header.tensors.size(); ++i) index.emplace(header.tensors[i].name, i);
  return index;
}

std::optional<std::uint32_t> look_up(const std::unordered_map<std::string_view, std::uint32_t>& index, std::string_view name) {
  const auto found = index.find(name);
  return found == index.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace

const checkpoint::TensorInfo* embeddings_saved_beside(const checkpoint::Header& model, const checkpoint::TensorInfo& tensor) {
  for (const auto name : tied_to(tensor.name)) {
    const auto* const found = is_head(name) ? nullptr : model.find(name);
    if (found == nullptr || found->dtype != tensor.dtype || found->shape != tensor.shape) continue;
    const bool one_place = model.format == checkpoint::Format::pytorch && found->file == tensor.file && found->offset == tensor.offset;
    // Of tensors at one place the first in the file is the embeddings.
    if (is_head(tensor.name) ? model.ties_embeddings || one_place : one_place && found < &tensor) return found;
  }
  return nullptr;
}

Matcher::Matcher(const checkpoint::Header& base, const checkpoint::Header& model)
    : base_{base}, model_{model}, index_{index_of(model)}, base_index_{index_of(base)} {
  choose_rule(base);
}

void Matcher::choose_rule(const checkpoint::Header& base) {
  std::vector<std::string_view> missing;
  for (const auto& tensor : base.tensors) {
    if (missing.size() < k_most_sampled && !index_.contains(tensor.name)) missing.push_back(tensor.name);
  }
  std::ptrdiff_t most = 0;
  for (const auto from : k_prefixes) {
    for (const auto to : k_prefixes) {
      if (from == to) continue;
      const PrefixRule rule{from, to};
      const auto hits = std::count_if(missing.begin(), missing.end(), [&](auto name) { return by_rule(name, rule).has_value(); });
      if (hits <= most) continue;
      most = hits;
      rule_ = rule;
    }
  }
}

std::optional<std::uint32_t> Matcher::by_name(std::string_view name) const {
  return look_up(index_, name);
}

std::optional<std::uint32_t> Matcher::by_rule(std::string_view name, const PrefixRule& rule) const {
  if (!name.starts_with(rule.base)) return std::nullopt;
  const auto other = renamed(name, rule);
  if (base_index_.contains(other)) return std::nullopt;  // the model's tensor of that name is another of the base's
  return look_up(index_, other);
}

// A base that has both has both to merge; of a model without one of them its config.json must say that it is the other.
bool Matcher::may_be_tied(std::string_view name, std::string_view other) const {
  if (!is_head(name) && !is_head(other)) return true;
  // The base may have the other under another of its names.
  const auto names = tied_to(name);
  const bool base_has_both =
      std::any_of(names.begin(), names.end(), [&](auto one) { return is_head(one) == is_head(other) && base_index_.contains(one); });
  if (!base_has_both) return true;
  return model_.ties_embeddings || base_.ties_embeddings;
}

bool Matcher::base_ties(std::string_view name) const {
  const auto in_base = [&](auto other) { return base_index_.contains(other); };
  for (const auto other : tied_to(name)) {
    if (!in_base(other)) continue;
    if ((!is_head(name) && !is_head(other)) || base_.ties_embeddings) return true;
    const auto others = tied_to(other);
    if (std::none_of(others.begin(), others.end(), in_base)) return true;
  }
  return false;
}

std::optional<Match> Matcher::find(const checkpoint::TensorInfo& tensor) const {
  if (const auto same = by_name(tensor.name)) return Match{*same, Match::How::same_name};
  if (const auto other = rule_ ? by_rule(tensor.name, *rule_) : std::nullopt) return Match{*other, Match::How::renamed};
  for (const auto name : tied_to(tensor.name)) {
    const auto exact = by_name(name);
    const auto tied = exact || !rule_ ? exact : by_rule(name, *rule_);
    if (tied && model_.tensors[*tied].shape == tensor.shape && may_be_tied(tensor.name, name)) return Match{*tied, Match::How::tied};
  }
  return std::nullopt;
}

}  // namespace dare::recipe
