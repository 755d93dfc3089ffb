#pragma once
/// Which tensor of a model is the base's tensor of that name, where names differ.

#include <dare/checkpoint/header.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dare::recipe {

/// One replacement at the front of names, for a whole checkpoint: a base's name = `base` + rest is the model's `model` + rest.
struct PrefixRule {
  std::string_view base;
  std::string_view model;
};

struct Match {
  enum class How : std::uint8_t {
    same_name,
    renamed,  ///< by the prefix rule
    tied,     ///< the model saved embeddings and output head once, under the other's name
  };
  std::uint32_t tensor = 0;  ///< position in the model's header
  How how = How::same_name;
};

/// The embeddings whose weights `tensor` is in a model that saved both: an output head that its config.json ties to them, or a tensor that
/// lies at their place in a PyTorch file. nullptr if there are none.
[[nodiscard]] const checkpoint::TensorInfo* embeddings_saved_beside(const checkpoint::Header& model, const checkpoint::TensorInfo& tensor);

/// Finds a model's tensors by the base's names: the same name; else, by the one prefix rule under which most of the missing names are
/// found; else a tensor tied to it, of the same shape. Where the base has both the output head and the embeddings, they are tied only if
/// one of the two headers says so (ties_embeddings). Headers must outlive it.
class Matcher {
 public:
  Matcher(const checkpoint::Header& base, const checkpoint::Header& model);
  [[nodiscard]] std::optional<Match> find(const checkpoint::TensorInfo& tensor) const;
  [[nodiscard]] const std::optional<PrefixRule>& rule() const noexcept { return rule_; }
  /// Whether the base has the weights of `name`, which it does not have, under a name tied to it. Where it has both an output head and
  /// embeddings, only if its header says so (ties_embeddings).
  [[nodiscard]] bool base_ties(std::string_view name) const;

 private:
  [[nodiscard]] std::optional<std::uint32_t> by_name(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint32_t> by_rule(std::string_view name, const PrefixRule& rule) const;
  void choose_rule(const checkpoint::Header& base);
  [[nodiscard]] bool may_be_tied(std::string_view name, std::string_view other) const;

  const checkpoint::Header& base_;
  const checkpoint::Header& model_;
  std::unordered_map<std::string_view, std::uint32_t> index_;
  std::unordered_map<std::string_view, std::uint32_t> base_index_;
  std::optional<PrefixRule> rule_;
};

}  // namespace dare::recipe
