#include <dare/checkpoint/config_dtype.hpp>

#include <iterator>
#include <regex>

namespace dare::checkpoint {

std::string with_torch_dtype(std::string_view config, Dtype dtype) {
  const auto torch = info(dtype).torch_name;
  if (torch.empty()) return std::string{config};
  static const std::regex key{R"re(("(?:torch_)?dtype"\s*:\s*")[A-Za-z0-9_]+("))re"};
  return std::regex_replace(std::string{config}, key, "$1" + std::string{torch} + "$2");
}

std::string with_vocab_size(std::string_view config, const std::map<std::uint64_t, std::uint64_t>& rows) {
  static const std::regex key{R"re("vocab_size"\s*:\s*([0-9]{1,18})(?![0-9.eE]))re"};
  std::string text;
  const char* rest = config.data();
  for (std::cregex_iterator match{config.data(), config.data() + config.size(), key}, end; match != end; ++match) {
    const auto found = rows.find(std::stoull((*match)[1].str()));
    if (found == rows.end()) continue;
    const char* const number = config.data() + match->position(1);
    text.append(rest, number);
    text += std::to_string(found->second);
    rest = number + match->length(1);
  }
  text.append(rest, config.data() + config.size());
  return text;
}

}  // namespace dare::checkpoint
