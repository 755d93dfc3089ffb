#include "pipeline/replaceable.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string_view>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

bool is_weights(const fs::path& file) {
  const auto name = file.filename().string();
  return file.extension() == ".safetensors" || name.ends_with(".safetensors.index.json") || name.starts_with("pytorch_model");
}

// Of what stands in published model folders.
bool is_of_a_model(const fs::path& file) {
  static const std::set<std::string> endings{".json", ".jsonl", ".txt", ".model", ".jinja", ".tiktoken", ".md", ".py"};
  static const std::set<std::string> names{"LICENSE", "NOTICE", ".gitattributes"};
  return is_weights(file) || endings.contains(file.extension().string()) || names.contains(file.filename().string());
}

void check_folder(const fs::path& folder, std::string_view advice) {
  if (fs::is_empty(folder)) return;
  const bool ours = fs::exists(folder / "dare-manifest.json");
  const auto entries = fs::directory_iterator{folder};
  if (!ours && std::none_of(begin(entries), end(entries), [](const auto& entry) { return is_weights(entry.path()); }))
    throw InputError{fmt::format("{}: is a folder that holds no model; {}", folder.string(), advice)};
  for (const auto& entry : fs::directory_iterator{folder}) {
    if (entry.is_directory() && !entry.is_symlink()) check_folder(entry.path(), advice);
    else if (!ours && !is_of_a_model(entry.path()))
      throw InputError{fmt::format("{}: is in a folder of a model and no part of one; {}", entry.path().string(), advice)};
  }
}

// By how the file begins: one that was cut short, or of a newer format, is a checkpoint nevertheless.
void check_file(const fs::path& path, std::string_view advice) {
  const bool hdf5 = checkpoint::output_kind(path) == checkpoint::OutputKind::hdf5;
  const auto error = InputError{fmt::format("{}: is no {} file; {}", path.string(), hdf5 ? "HDF5" : "safetensors", advice)};
  if (!fs::is_regular_file(path)) throw error;
  const auto file = File::open_read(path);
  if (file.size() == 0) return;
  std::array<char, 9> begin{};
  if (file.size() < begin.size()) throw error;
  file.read_at(0, std::as_writable_bytes(std::span{begin}));
  // Of safetensors: eight bytes of the header's length, far below 2^32, then JSON.
  const bool fits = hdf5 ? std::string_view{begin.data(), 8} == "\x89HDF\r\n\x1a\n"sv : begin[8] == '{' && begin[6] == 0 && begin[7] == 0;
  if (!fits) throw error;
}

}  // namespace

void check_replaceable(const fs::path& path, std::string_view advice) {
  fs::is_directory(path) ? check_folder(path, advice) : check_file(path, advice);
}

}  // namespace dare::pipeline
