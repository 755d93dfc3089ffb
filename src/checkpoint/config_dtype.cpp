#include <dare/checkpoint/config_dtype.hpp>

#include <regex>

namespace dare::checkpoint {

std::string with_torch_dtype(std::string_view config, Dtype dtype) {
  const auto torch = info(dtype).torch_name;
  if (torch.empty()) return std::string{config};
  static const std::regex key{R"re(("(?:torch_)?dtype"\s*:\s*")[A-Za-z0-9_]+("))re"};
  return std::regex_replace(std::string{config}, key, "$1" + std::string{torch} + "$2");
}

}  // namespace dare::checkpoint
