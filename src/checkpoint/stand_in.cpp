#include "checkpoint/stand_in.hpp"

#include "checkpoint/file_names.hpp"
#include "core/lower_case.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

namespace dare::checkpoint {
namespace {

constexpr std::uint64_t k_looked_at = 256;  // bytes

bool is_page(const std::string& text) {
  constexpr std::string_view k_mark = "\xef\xbb\xbf";  // of UTF-8
  const auto lower = lower_case(text);
  std::string_view rest = lower;
  if (rest.starts_with(k_mark)) rest.remove_prefix(k_mark.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
  return rest.starts_with("<!doctype html") || rest.starts_with("<html");
}

}  // namespace

void refuse_gguf(const std::filesystem::path& file) {
  throw InputError{fmt::format(
      "{}: a GGUF file, which is not read here; give the model that it was made from, as safetensors or PyTorch files", file.string())};
}

void refuse_pointer(const std::filesystem::path& path, std::string_view text) {
  if (!text.starts_with("version https://git-lfs")) return;
  throw InputError{fmt::format("{}: a pointer of git-lfs, not the file; run git lfs pull in its folder", path.string())};
}

void refuse_stand_in(const std::filesystem::path& path) {
  const auto file = File::open_read(path);
  std::string text(std::min(file.size(), k_looked_at), '\0');
  if (text.empty()) throw InputError{fmt::format("{}: empty; fetch the file again", path.string())};
  file.read_at(0, std::as_writable_bytes(std::span{text}));
  refuse_pointer(path, text);
  if (text.starts_with("GGUF")) refuse_gguf(path);
  if (!is_page(text)) return;
  throw InputError{fmt::format("{}: an HTML page, such as a server's refusal, not the file; fetch the file itself, signed in where it asks",
                               path.string())};
}

void refuse_pointers_beside(const Header& model) {
  for (const auto& name : model.side_files) {
    if (!is_companion_file(name)) continue;
    const auto bytes = read_input_side_file(model, name);
    refuse_pointer((model.folder.empty() ? model.root : model.folder) / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

}  // namespace dare::checkpoint
