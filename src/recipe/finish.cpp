#include "recipe/finish.hpp"

#include "core/printable.hpp"
#include "recipe/check.hpp"
#include "recipe/mergekit.hpp"
#include "recipe/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dare::recipe {
namespace {

std::string known_methods() {
  std::string all;
  for (const auto& method : merge::methods()) all += (all.empty() ? "" : ", ") + std::string{method.name};
  return all;
}

const merge::Method* chosen_method(Draft& draft, Problems& problems) {
  auto& recipe = draft.recipe;
  if (recipe.method.empty() && draft.where.empty()) recipe.method = "dare_linear";
  if (recipe.method.empty()) {
    problems.usage(fmt::format("{}: merge_method is missing; known are {}", draft.where, known_methods()));
    return nullptr;
  }
  check_method_name(draft, problems);
  return merge::find_method(recipe.method);
}

bool same_path(const Source& a, const Source& b) {
  const auto plain = [](const Source& source) {
    auto text = source.path.lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
  };
  return plain(a) == plain(b);
}

// mergekit's recipes list the base among the models; its delta is 0, and only a method that averages whole models can use it.
std::vector<bool> entries_without_delta(const Draft& draft, const merge::Method& method) {
  const auto& recipe = draft.recipe;
  std::vector<bool> without(recipe.models.size(), false);
  if (!recipe.base || averages_models(method)) return without;
  for (std::size_t k = 0; k < without.size(); ++k) without[k] = same_path(recipe.models[k], *recipe.base);
  return without;
}

void remove_entries(Draft& draft, const std::vector<bool>& without) {
  auto& recipe = draft.recipe;
  std::vector<ModelEntry> kept;
  for (std::size_t k = 0; k < without.size(); ++k) {
    if (without[k]) {
      recipe.notes.push_back(fmt::format("{}: {} is the base itself: its delta is 0, it is left out; the other models keep their streams",
                                         draft.place(model_key(k)), recipe.models[k].written));
    } else {
      kept.push_back(std::move(recipe.models[k]));
    }
  }
  recipe.models = std::move(kept);
}

// Models of one stream drop the same elements: meant rarely, and easily met by giving streams to some models alone.
void note_shared_streams(Recipe& recipe, const merge::Method& method) {
  if (!draws(method) || recipe.compat == merge::Compat::mergelm) return;
  for (std::size_t k = 1; k < recipe.models.size(); ++k) {
    const auto& model = recipe.models[k];
    const auto before = recipe.models.begin() + static_cast<std::ptrdiff_t>(k);
    const auto other = std::find_if(recipe.models.begin(), before, [&](const auto& earlier) { return earlier.stream == model.stream; });
    if (other == before) continue;
    recipe.notes.push_back(fmt::format("{} and {} both have stream {}: where their drop rates are equal they drop the same elements",
                                       other->written, model.written, model.stream));
  }
}

// @param bases  entries that were left out, since they are the base
void check_number_of_models(const Draft& draft, const merge::Method& method, std::ptrdiff_t bases, Problems& problems) {
  const auto models = draft.recipe.models.size();
  if (models >= method.least_models && models <= method.most_models) return;
  const auto expected = method.most_models == method.least_models   ? fmt::format("{}", method.least_models)
                        : method.most_models == merge::k_any_number ? fmt::format("at least {}", method.least_models)
                                                                    : fmt::format("{} to {}", method.least_models, method.most_models);
  problems.usage(fmt::format("{}: {} takes {} model{}{}, found {}{}", draft.place("models"), method.name, expected,
                             expected == "1" || expected == "at least 1" ? "" : "s",
                             method.base == merge::BaseUse::required ? " beside the base" : "", models,
                             bases == 0    ? ""
                             : models == 0 ? ": what is given is the base itself"
                                           : ", the base itself not counted"));
}

}  // namespace

std::string unknown_method(std::string_view name) {
  if (const auto near = near_method_of_mergekit(name))
    return fmt::format("merge_method {} of mergekit is not here; {}", in_quotes(name), *near);
  std::vector<std::string_view> names;
  for (const auto& known : merge::methods()) names.push_back(known.name);
  const auto nearest = nearest_of(name, names);
  return fmt::format("merge_method {} is not known; {}", in_quotes(name),
                     nearest ? fmt::format("did you mean {}?", *nearest) : "known are " + known_methods());
}

void check_method_name(const Draft& draft, Problems& problems) {
  const auto& named = draft.recipe.method;
  if (!named.empty() && merge::find_method(named) == nullptr)
    problems.usage(fmt::format("{}: {}", draft.place("merge_method"), unknown_method(named)));
}

void finish(Draft& draft, Problems& problems) {
  auto& recipe = draft.recipe;
  const auto* const method = chosen_method(draft, problems);
  if (recipe.models.empty()) {
    problems.usage(fmt::format("{}: no model is given; list them under models, or with --model", draft.place("models")));
  }
  if (method == nullptr) return;
  if (!recipe.base && method->base == merge::BaseUse::required) {
    problems.usage(fmt::format("{}: {} needs a base; give base_model, or --base", draft.place("merge_method"), method->name));
  }
  for (std::size_t k = 0; k < recipe.models.size(); ++k) recipe.models[k].stream = draft.streams[k].value_or(k);
  const auto without_delta = entries_without_delta(draft, *method);
  const Check check{draft, *method, without_delta, problems};
  check.run();
  remove_entries(draft, without_delta);
  note_shared_streams(recipe, *method);
  note_mergekits_defaults(draft, *method);
  if (!without_delta.empty())
    check_number_of_models(draft, *method, std::count(without_delta.begin(), without_delta.end(), true), problems);
}

}  // namespace dare::recipe
