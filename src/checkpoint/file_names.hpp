#pragma once
/// What the files of a model are called: of its weights, of the files that come with them, and of this program's own beside an output.

#include <filesystem>
#include <span>
#include <string_view>

namespace dare::checkpoint {

inline constexpr std::string_view k_config_file = "config.json";
inline constexpr std::string_view k_safetensors_file = "model.safetensors";
inline constexpr std::string_view k_safetensors_index = "model.safetensors.index.json";
inline constexpr std::string_view k_pytorch_file = "pytorch_model.bin";
inline constexpr std::string_view k_pytorch_index = "pytorch_model.bin.index.json";
inline constexpr std::string_view k_index_ending = ".index.json";
inline constexpr std::string_view k_adapter_config_file = "adapter_config.json";
inline constexpr std::string_view k_adapter_safetensors_file = "adapter_model.safetensors";
inline constexpr std::string_view k_adapter_pytorch_file = "adapter_model.bin";

inline constexpr std::string_view k_manifest_file = "dare-manifest.json";  ///< in a folder that was written
inline constexpr std::string_view k_manifest_ending = ".manifest.json";    ///< of one beside a single file
inline constexpr std::string_view k_unfinished_ending = ".partial";        ///< of the hidden name that an output is built under
inline constexpr std::string_view k_journal_ending = ".journal";           ///< of the hidden name of its run's journal

/// A file that published models have beside their weights, and what it is taken for.
struct CompanionFile {
  std::string_view name;
  bool is_compared = false;  ///< configuration or tokenizer: a merge says where a model's is not as the base's
};

/// All of them, in the order in which messages name them; an output that is replaced may hold them. Other files go along with a model too
/// (is_side_file_name()).
[[nodiscard]] std::span<const CompanionFile> companion_files() noexcept;
[[nodiscard]] bool is_companion_file(std::string_view name) noexcept;

/// The first file in `folder` that makes it a model's or an adapter's: its configuration, its manifest, its weights under the names that
/// they have by convention; empty: none.
[[nodiscard]] std::string_view model_file_in(const std::filesystem::path& folder);

}  // namespace dare::checkpoint
