// A recipe in YAML.
#include "target.hpp"

#include <dare/recipe/recipe.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dare;
  return fuzz::read_or_refuse([&] {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    static_cast<void>(recipe::parse(text, "recipe.yml", "/models", {}));
  });
}
