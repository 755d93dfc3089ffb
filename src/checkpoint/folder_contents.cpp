#include "checkpoint/folder_contents.hpp"

#include "checkpoint/endings.hpp"
#include "checkpoint/file_names.hpp"

#include <dare/checkpoint/lora.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace dare::checkpoint::folder {
namespace {

namespace fs = std::filesystem;

// In the order of their names; none of a folder that cannot be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code unreadable;
  for (fs::directory_iterator next{folder, unreadable}; !unreadable && next != fs::directory_iterator{}; next.increment(unreadable))
    entries.push_back(next->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_weights_file(const fs::path& file) {
  const auto* const ending = find_ending(file.extension().string());
  std::error_code unknown;
  return ending != nullptr && ending->read && fs::is_regular_file(file, unknown);
}

}  // namespace

std::string meant_instead(const fs::path& folder) {
  std::error_code unknown;
  if (fs::is_directory(folder / "snapshots", unknown)) {
    const auto snapshots = entries_of(folder / "snapshots");
    return fmt::format("a model of a cache of the Hub; give one of its snapshots, {}",
                       snapshots.empty() ? "of which none is there: download it again" : snapshots.front().string());
  }
  const auto entries = entries_of(folder);
  const auto adapter = std::find_if(entries.begin(), entries.end(), [](const auto& entry) { return is_lora_adapter(entry); });
  if (adapter != entries.end()) return fmt::format("a LoRA adapter lies in it; give {}", adapter->string());
  const auto model = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& entry) { return fs::is_directory(entry, unknown) && !model_file_in(entry).empty(); });
  if (model != entries.end()) return fmt::format("a model lies in it; give {}", model->string());
  const auto weights = std::count_if(entries.begin(), entries.end(), is_weights_file);
  if (weights == 0) return "";
  const auto first = std::find_if(entries.begin(), entries.end(), is_weights_file)->string();
  return weights == 1 ? fmt::format("its weights have another name; give the file {}", first)
                      : fmt::format("its weights have other names; give the one file of them that is the model, as {}", first);
}

}  // namespace dare::checkpoint::folder
