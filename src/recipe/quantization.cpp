#include <dare/recipe/quantization.hpp>

#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

namespace dare::recipe {
namespace {

using checkpoint::TensorInfo;

// Names that only quantised checkpoints have.
struct CodeName {
  std::string_view ending;
  std::string_view meaning;
};
constexpr std::array k_code_names{
    CodeName{".qweight", "packed codes (GPTQ, AWQ)"},
    CodeName{".qzeros", "packed zero points (GPTQ, AWQ)"},
    CodeName{".weight_packed", "packed codes (compressed-tensors)"},
    CodeName{".weight_scale_inv", "scales of 8-bit codes"},
    CodeName{".SCB", "scales of 8-bit codes (bitsandbytes)"},
    CodeName{".absmax", "scales of 4-bit codes (bitsandbytes)"},
    CodeName{".nested_absmax", "scales of 4-bit codes (bitsandbytes)"},
    CodeName{".quant_map", "a code book (bitsandbytes)"},
    CodeName{".W_q", "packed codes (HQQ)"},
};
// Names that tell scales where the tensor that they belong to is of 8 bits or fewer.
constexpr std::array<std::string_view, 4> k_scale_names{"weight_scale", "scale_weight", "scales", "scale"};

constexpr std::string_view k_blocks = "_blocks";

bool narrow(Dtype dtype) {
  return info(dtype).bits <= 8 && dtype != Dtype::boolean;
}

std::string_view before_last_dot(std::string_view name) {
  return name.substr(0, std::min(name.rfind('.'), name.size()));
}

}  // namespace

std::optional<std::string> quantization_in(const checkpoint::Header& header) {
  std::unordered_map<std::string_view, const TensorInfo*> by_name;
  for (const auto& tensor : header.tensors) by_name.emplace(tensor.name, &tensor);
  const auto told = [](const TensorInfo& tensor, std::string_view meaning) {
    return fmt::format("tensor \"{}\" ({}) holds {}", tensor.name, dtype_and_shape(tensor), meaning);
  };
  for (const auto& tensor : header.tensors) {
    const std::string_view full = tensor.name;
    if (full.ends_with(k_blocks) && narrow(tensor.dtype) &&
        by_name.contains(std::string{full.substr(0, full.size() - k_blocks.size())} + "_scales")) {
      return told(tensor, "packed codes (MXFP4)");
    }
    for (const auto& row : k_code_names) {
      if (full.ends_with(row.ending)) return told(tensor, row.meaning);
    }
    // "x.weight_scale" and "x.scales" belong to "x.weight", "x.weight.scale" too.
    const auto owner = before_last_dot(full);
    if (std::find(k_scale_names.begin(), k_scale_names.end(), full.substr(std::min(owner.size() + 1, full.size()))) ==
        k_scale_names.end()) {
      continue;
    }
    for (const auto& codes_name : {std::string{owner} + ".weight", std::string{owner}}) {
      const auto codes = by_name.find(codes_name);
      if (codes == by_name.end() || !narrow(codes->second->dtype)) continue;
      return told(tensor, fmt::format("the scales of \"{}\" ({})", codes->second->name, name(codes->second->dtype)));
    }
  }
  return std::nullopt;
}

std::optional<std::string> why_quantised(const checkpoint::Header& header, const std::optional<ModelConfig>& config) {
  constexpr auto k_advice = "merge the checkpoint it was quantised from";
  if (config && config->quantization) {
    return fmt::format("config.json has a quantization_config ({}): the tensors are codes, not weights; {}", *config->quantization,
                       k_advice);
  }
  const auto codes = quantization_in(header);
  return codes ? std::optional{fmt::format("{}: a quantised checkpoint holds codes, not weights; {}", *codes, k_advice)} : std::nullopt;
}

}  // namespace dare::recipe
