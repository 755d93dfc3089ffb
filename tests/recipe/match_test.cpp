#include "recipe/match.hpp"

#include "recipe/support.hpp"

namespace dare::recipe {
namespace {

using How = Match::How;

checkpoint::Header named(const std::vector<std::string>& names, Shape shape = {4, 2}) {
  std::vector<test::Tensor> tensors;
  for (const auto& name : names) tensors.push_back({name, Dtype::f32, shape});
  return test::header("m", tensors);
}

// "position how" of each of the base's tensors in the model.
std::string matches(const checkpoint::Header& base, const checkpoint::Header& model) {
  const Matcher matcher{base, model};
  std::string all;
  for (const auto& tensor : base.tensors) {
    const auto match = matcher.find(tensor);
    const char how = !match ? '-' : match->how == How::same_name ? '=' : match->how == How::renamed ? 'r' : 't';
    all += (match ? std::to_string(match->tensor) : std::string{}) + how + " ";
  }
  return all;
}

TEST(Match, SameNamesInAnyOrder) {
  EXPECT_EQ(matches(named({"a", "b", "c"}), named({"c", "a", "b"})), "1= 2= 0= ");
}

TEST(Match, PrefixesAddedRemovedAndReplaced) {
  EXPECT_EQ(matches(named({"h.0.w", "h.1.w"}), named({"module.h.0.w", "module.h.1.w"})), "0r 1r ");
  EXPECT_EQ(matches(named({"model.h.0.w", "model.h.1.w"}), named({"h.0.w", "h.1.w"})), "0r 1r ");
  EXPECT_EQ(matches(named({"model.h.0.w", "model.h.1.w"}), named({"transformer.h.0.w", "transformer.h.1.w"})), "0r 1r ");
  EXPECT_EQ(matches(named({"model.h.0.w", "lm_head.bias"}), named({"module.model.h.0.w", "module.lm_head.bias"})), "0r 1r ");
}

TEST(Match, TheRuleThatFindsMostIsTheOnlyOne) {
  EXPECT_EQ(matches(named({"a", "b", "c"}), named({"module.a", "module.b", "model.c"})), "0r 1r - ");
}

TEST(Match, AUnknownPrefixIsNoRule) {
  EXPECT_EQ(matches(named({"a", "b"}), named({"mine.a", "mine.b"})), "- - ");
}

TEST(Match, ATensorOfTheBasesOwnNameIsNotTakenForAnother) {
  // "norm" is missing; the model's "model.norm" is the base's other tensor.
  EXPECT_EQ(matches(named({"norm", "model.norm"}), named({"model.norm"})), "- 0= ");
}

TEST(Match, TiedWeightsSavedOnce) {
  EXPECT_EQ(matches(named({"lm_head.weight"}), named({"model.embed_tokens.weight"})), "0t ");
  EXPECT_EQ(matches(named({"transformer.wte.weight"}), named({"lm_head.weight"})), "0t ");
}

// Where the base has both, a config.json decides.
TEST(Match, TiedWeightsOfABaseThatHasBoth) {
  for (const bool tied : {true, false}) {
    const test::Config config{tied ? "{\"tie_word_embeddings\": true}" : "{\"tie_word_embeddings\": false}"};
    const auto found = [&](const std::vector<std::string>& names, const std::vector<std::string>& of_model) {
      auto base = named(names);
      config.beside(base);
      return matches(base, named(of_model));
    };
    EXPECT_EQ(found({"lm_head.weight", "model.embed_tokens.weight"}, {"model.embed_tokens.weight"}), tied ? "0t 0= " : "- 0= ");
    EXPECT_EQ(found({"lm_head.weight", "transformer.wte.weight"}, {"lm_head.weight"}), tied ? "0= 0t " : "0= - ");
    EXPECT_EQ(found({"lm_head.weight", "model.embed_tokens.weight", "model.a"}, {"module.model.embed_tokens.weight", "module.model.a"}),
              tied ? "0t 0r 1r " : "- 0r 1r ");
    // Also where the model has no prefix: it has the embeddings under another name than the base.
    EXPECT_EQ(found({"lm_head.weight", "model.embed_tokens.weight", "model.a"}, {"embed_tokens.weight", "a"}),
              tied ? "0t 0r 1r " : "- 0r 1r ");
    EXPECT_EQ(found({"lm_head.weight", "transformer.wte.weight", "transformer.a"}, {"wte.weight", "a"}), tied ? "0t 0r 1r " : "- 0r 1r ");
  }
}

TEST(Match, TiedWeightsHaveOneShape) {
  const auto base = named({"lm_head.weight", "model.embed_tokens.weight"});
  EXPECT_EQ(matches(base, named({"model.embed_tokens.weight"}, {5, 2})), "- 0= ");
  EXPECT_EQ(matches(named({"lm_head.weight"}), named({"model.embed_tokens.weight"}, {5, 2})), "- ");
}

}  // namespace
}  // namespace dare::recipe
