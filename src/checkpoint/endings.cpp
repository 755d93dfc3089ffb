#include "checkpoint/endings.hpp"

#include <dare/core/plural.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace dare::checkpoint {
namespace {

constexpr std::array k_endings{
    Ending{".safetensors", Format::safetensors},
    Ending{".h5", Format::hdf5},
    Ending{".hdf5", Format::hdf5},
    Ending{".keras", Format::hdf5},
    Ending{".bin", Format::pytorch},
    Ending{".pt", Format::pytorch},
    Ending{".pth", Format::pytorch},
    Ending{".gguf", {}},
    Ending{".msgpack", {}},
    Ending{".onnx", {}},
    Ending{".ckpt", {}, true},
    Ending{".npz", {}, true},
    Ending{".hdf", {}, true},
    Ending{".safetensor", {}, true},
};

}  // namespace

const Ending* find_ending(std::string_view ending) noexcept {
  const auto* const row = std::find_if(k_endings.begin(), k_endings.end(), [&](const auto& each) { return each.text == ending; });
  return row == k_endings.end() ? nullptr : row;
}

std::string readable_endings() {
  std::vector<std::string_view> endings;
  for (const auto& row : k_endings) {
    if (row.read) endings.push_back(row.text);
  }
  return one_of(endings);
}

}  // namespace dare::checkpoint
