#pragma once
/// The work behind resolve(): headers against a recipe, one tensor after the other.

#include "recipe/effective.hpp"
#include "recipe/match.hpp"
#include "recipe/name_groups.hpp"

#include <dare/core/error.hpp>
#include <dare/merge/method.hpp>
#include <dare/recipe/job.hpp>

#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace dare::recipe {

class Resolver {
 public:
  /// References must outlive it.
  Resolver(const Recipe& recipe, const merge::Method& method, const checkpoint::Header& frame,
           const std::vector<checkpoint::Header>& models, const std::vector<checkpoint::Header>& auxiliaries);
  /// @throws Error  all problems.
  [[nodiscard]] MergeJob run();

 private:
  /// What a model brings to one tensor; nothing where it lacks it and the recipe allows that, or where a problem was reported.
  struct Contribution {
    TensorTask::Input input;
    const checkpoint::TensorInfo* info = nullptr;
    std::uint64_t elements = 0;  ///< that can enter
  };
  [[nodiscard]] bool excluded(const std::string& name) const;
  void refuse_adapters_to_be_weighed();
  void refuse_strangers();
  [[nodiscard]] TensorTask untouched(std::uint32_t tensor, bool compare);
  [[nodiscard]] TensorTask merged(std::uint32_t tensor);
  void note_dropped_rows(const TensorTask& task);
  void note_two_masks(const TensorTask& task);
  [[nodiscard]] std::optional<Contribution> contribution(std::size_t model, std::uint32_t tensor);
  [[nodiscard]] bool fits(std::size_t model, const checkpoint::TensorInfo& base, const checkpoint::TensorInfo& other);
  [[nodiscard]] std::optional<std::uint32_t> auxiliary_of(std::size_t model, const checkpoint::TensorInfo& base, const Shape& shape);
  [[nodiscard]] merge::ModelTerm term(std::size_t model, std::uint32_t tensor, const Contribution& contribution);
  void settle(TensorTask& task, const checkpoint::TensorInfo& base);
  void choose_regmean(TensorTask& task);
  void check_weights(const TensorTask& task);
  void check_one_rate(const std::vector<TensorTask>& tasks);
  void place_draws(std::vector<TensorTask>& tasks);
  void extra_tensors(std::size_t model);
  void check_layers();
  void note_idle_patterns();
  void note_copy(MergeJob& job) const;
  [[nodiscard]] std::string root(std::size_t model) const { return models_[model].root.string(); }

  const Recipe& recipe_;
  const merge::Method& method_;
  const checkpoint::Header& frame_;
  const std::vector<checkpoint::Header>& models_;
  const std::vector<checkpoint::Header>& auxiliaries_;
  MethodParameters parameters_;
  std::vector<EffectiveModel> model_parameters_;
  std::vector<Matcher> matchers_;
  std::vector<Matcher> auxiliary_matchers_;
  std::vector<std::vector<bool>> used_;  ///< per model, tensors that have a counterpart in the frame
  std::vector<bool> strangers_;          ///< per model, whether it has none of the tensors to be merged
  std::vector<double> depths_;
  std::vector<std::regex> exclude_;
  std::string owner_;  ///< of the frame's tensors, in messages: "the base's" or "the first model's"
  std::string lacks_;
  Problems problems_;
  NameGroups unrated_, unequal_, weightless_, unlisted_;  ///< problems of the recipe
  NameGroups lacking_, not_f32_;                          ///< problems of the inputs
  NameGroups notes_;
};

}  // namespace dare::recipe
