#include "checkpoint/file_names.hpp"

#include <algorithm>
#include <array>

namespace dare::checkpoint {
namespace {

constexpr std::array k_companions{
    CompanionFile{k_config_file, true},
    CompanionFile{"generation_config.json", true},
    CompanionFile{"tokenizer.json", true},
    CompanionFile{"tokenizer_config.json", true},
    CompanionFile{"tokenizer.model", true},
    CompanionFile{"special_tokens_map.json", true},
    CompanionFile{"added_tokens.json", true},
    CompanionFile{"vocab.json", true},
    CompanionFile{"vocab.txt", true},
    CompanionFile{"merges.txt", true},
    CompanionFile{"chat_template.jinja", true},
    CompanionFile{"chat_template.json", true},
    CompanionFile{"spiece.model", true},
    CompanionFile{"sentencepiece.bpe.model", true},
    CompanionFile{"preprocessor_config.json"},
    CompanionFile{"processor_config.json"},
    CompanionFile{"quantize_config.json"},
    CompanionFile{"model_index.json"},
    CompanionFile{k_adapter_config_file},
    CompanionFile{"README.md"},
    CompanionFile{"LICENSE"},
    CompanionFile{"LICENSE.txt"},
    CompanionFile{"NOTICE"},
    CompanionFile{"USE_POLICY.md"},
    CompanionFile{".gitattributes"},
};

constexpr std::array k_of_a_model{k_config_file,   k_manifest_file,       k_safetensors_file,         k_safetensors_index,   k_pytorch_file,
                                  k_pytorch_index, k_adapter_config_file, k_adapter_safetensors_file, k_adapter_pytorch_file};

}  // namespace

std::span<const CompanionFile> companion_files() noexcept {
  return k_companions;
}

bool is_companion_file(std::string_view name) noexcept {
  return std::any_of(k_companions.begin(), k_companions.end(), [&](const auto& file) { return file.name == name; });
}

std::string_view model_file_in(const std::filesystem::path& folder) {
  std::error_code unreadable;
  const auto* const found =
      std::find_if(k_of_a_model.begin(), k_of_a_model.end(), [&](auto name) { return std::filesystem::exists(folder / name, unreadable); });
  return found == k_of_a_model.end() ? std::string_view{} : *found;
}

}  // namespace dare::checkpoint
