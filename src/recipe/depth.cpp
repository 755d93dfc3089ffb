#include "recipe/depth.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace dare::recipe {
namespace {

constexpr std::array<std::string_view, 8> k_before{"embed", "wte", "wpe", "shared", "position_ids", "rotary", "patch", "word_emb"};
constexpr std::array<std::string_view, 8> k_after{"norm", "ln_f", "lm_head", "head", "classifier", "pooler", "output", "score"};

constexpr std::string_view k_head = "embed_out";  // GPT-NeoX's head, whose name tells an embedding

struct Layer {
  std::string_view stack;  // all of the name before the number
  std::uint64_t number;
};

std::optional<Layer> layer_in(std::string_view name) {
  for (std::size_t begin = 0; begin < name.size();) {
    const auto end = std::min(name.find('.', begin), name.size());
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(name.data() + begin, name.data() + end, number);
    if (end > begin && error == std::errc{} && stop == name.data() + end) return Layer{name.substr(0, begin), number};
    begin = end + 1;
  }
  return std::nullopt;
}

template <std::size_t N>
bool contains_any(std::string_view name, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(), [&](auto word) { return name.find(word) != std::string_view::npos; });
}

}  // namespace

std::vector<double> depths(const std::vector<checkpoint::TensorInfo>& tensors) {
  std::unordered_map<std::string_view, std::uint64_t> last;  // stack -> its highest layer
  std::size_t first_in_layer = tensors.size();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto layer = layer_in(tensors[i].name);
    if (!layer) continue;
    auto& highest = last[layer->stack];
    highest = std::max(highest, layer->number);
    first_in_layer = std::min(first_in_layer, i);
  }
  std::vector<double> result;
  result.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string_view name = tensors[i].name;
    if (const auto layer = layer_in(name)) {
      const auto highest = last[layer->stack];
      result.push_back(highest == 0 ? 1 : static_cast<double>(layer->number) / static_cast<double>(highest));
    } else if (name.find(k_head) != std::string_view::npos) {
      result.push_back(1);
    } else if (contains_any(name, k_before)) {
      result.push_back(0);
    } else if (contains_any(name, k_after)) {
      result.push_back(1);
    } else {
      result.push_back(i < first_in_layer ? 0 : 1);
    }
  }
  return result;
}

std::uint64_t count_layers(const std::vector<checkpoint::TensorInfo>& tensors) {
  std::uint64_t count = 0;
  for (const auto& tensor : tensors) {
    if (const auto layer = layer_in(tensor.name)) count = std::max(count, layer->number + 1);
  }
  return count;
}

}  // namespace dare::recipe
