#include "recipe/depth.hpp"

#include "recipe/support.hpp"

#include <gmock/gmock.h>

namespace dare::recipe {
namespace {

using testing::ElementsAre;

std::vector<double> depths_of(const std::vector<std::string>& names) {
  std::vector<test::Tensor> tensors;
  for (const auto& name : names) tensors.push_back({name, Dtype::f32, {1}});
  return depths(test::header("m", tensors).tensors);
}

TEST(Depths, LayersRunFromZeroToOne) {
  EXPECT_THAT(depths_of({"model.layers.0.a", "model.layers.1.a", "model.layers.2.a", "model.layers.4.a"}), ElementsAre(0, 0.25, 0.5, 1));
}

TEST(Depths, EmbeddingsAreBeforeNormsAndHeadsAfterWhereverTheyStandInTheFile) {
  EXPECT_THAT(depths_of({"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.a", "model.layers.1.a", "model.norm.weight"}),
              ElementsAre(1, 0, 0, 1, 1));
  EXPECT_THAT(depths_of({"embed_out.weight", "gpt_neox.embed_in.weight", "gpt_neox.final_layer_norm.bias", "gpt_neox.layers.0.a"}),
              ElementsAre(1, 0, 1, 1));
  EXPECT_THAT(depths_of({"bert.embeddings.LayerNorm.weight", "bert.encoder.layer.0.a", "bert.encoder.layer.1.a", "classifier.weight"}),
              ElementsAre(0, 0, 1, 1));
}

TEST(Depths, OtherNamesGoByTheirPlaceInTheFile) {
  EXPECT_THAT(depths_of({"in.weight", "h.0.a", "h.1.a", "out.weight"}), ElementsAre(0, 0, 1, 1));
}

TEST(Depths, StacksCountTheirOwnLayers) {
  EXPECT_THAT(depths_of({"encoder.block.0.layer.0.a", "encoder.block.1.layer.5.a", "encoder.block.2.layer.0.a", "decoder.block.0.a",
                         "decoder.block.1.a"}),
              ElementsAre(0, 0.5, 1, 0, 1));
}

TEST(Depths, ANumberInsideAWordIsNoLayer) {
  EXPECT_THAT(depths_of({"conv1.weight", "w2.bias", "h.0.conv1.weight"}), ElementsAre(0, 0, 1));
}

}  // namespace
}  // namespace dare::recipe
