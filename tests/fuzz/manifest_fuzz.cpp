// A manifest, and the recipe in it.
#include "pipeline/verify/manifest_reader.hpp"
#include "recipe/recipe_from_json.hpp"
#include "target.hpp"

#include <dare/plan/grid.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  return fuzz::read_or_refuse([&] {
    const auto manifest = pipeline::parse_manifest("dare-manifest.json", {reinterpret_cast<const char*>(data), size});
    for (const auto& tensor : manifest.tensors) {
      fuzz::require(checked_elements(tensor.shape) == tensor.elements, "elements are not the shape's");
      fuzz::require(bytes_for(tensor.dtype, tensor.elements).has_value(), "a tensor is no whole number of bytes");
      const auto blocks = (tensor.elements + plan::k_block_elements - 1) / plan::k_block_elements;
      fuzz::require(tensor.blocks.size() == blocks, "hashes are not the blocks'");
    }
    static_cast<void>(recipe::recipe_from_json(manifest.recipe, "dare-manifest.json", "/models"));
  });
}
