#include "pipeline/source_path.hpp"

#include "checkpoint/endings.hpp"
#include "checkpoint/file_names.hpp"
#include "checkpoint/hub_names.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

bool names_weight_file(const fs::path& file) {
  const auto* const ending = checkpoint::find_ending(file.extension().string());
  return ending != nullptr && ending->read.has_value();
}

// A name of the Hub, and not a path into a folder that is there.
bool may_be_on_hub(const recipe::Source& source) {
  std::error_code unknown;
  return checkpoint::is_hub_name(source.written) && !fs::exists(source.path.parent_path(), unknown);
}

// "a,b", as other programs take lists.
bool names_several(const std::string& written) {
  const auto comma = written.find(',');
  return comma != std::string::npos && comma != 0 && comma + 1 != written.size();
}

// What may have been meant; begins with ";" where there is something.
std::string advice(const recipe::Source& source) {
  const auto plus = source.written.find('+');
  if (plus != std::string::npos && plus != 0 && plus + 1 < source.written.size()) {
    const auto model = source.written.substr(0, plus);
    const auto adapter = source.written.substr(plus + 1);
    return fmt::format(
        "; mergekit's MODEL+ADAPTER is not read: where {0} is the base, give {1} alone as the model; else merge the two first (dare-merge "
        "--method task_arithmetic --base {0} --model {1} OUTPUT) and give that output",
        model, adapter);
  }
  if (names_several(source.written)) return "; if these are several models, each takes a --model of its own (in a recipe an entry)";
  if (!may_be_on_hub(source)) return "";
  return checkpoint::hub_advice(source.written, source.path);
}

// What a file is that means something only with what lies beside it.
std::optional<std::string> part_of_folder(const fs::path& file) {
  if (const auto shards = shards_of(file); shards && *shards > 1)
    return fmt::format("one of {} shards, which would be merged without the others; give their folder", *shards);
  if (file.stem() == fs::path{checkpoint::k_adapter_safetensors_file}.stem() && checkpoint::is_lora_adapter(file.parent_path()))
    return fmt::format("the factors of a LoRA adapter, which mean nothing without its {}; give their folder",
                       checkpoint::k_adapter_config_file);
  if (file.extension() == ".json") return "no weights; give the model's folder";
  return std::nullopt;
}

}  // namespace

std::optional<unsigned> shards_of(const fs::path& file) {
  const auto name = file.stem().string();
  constexpr std::string_view k_of = "-of-";
  const auto of = name.rfind(k_of);
  if (!names_weight_file(file) || of == std::string::npos || of == 0) return std::nullopt;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto* const last = name.data() + name.size();
  unsigned shards = 0;
  const auto [end, error] = std::from_chars(name.data() + of + k_of.size(), last, shards);
  return error == std::errc{} && end == last && is_digit(name[of - 1]) ? std::optional{shards} : std::nullopt;
}

void check_source(const recipe::Source& source, std::string_view relative_to) {
  std::error_code unknown;
  const auto status = fs::status(source.path, unknown);
  if (status.type() == fs::file_type::not_found) {
    const auto relative =
        source.path == fs::path{source.written} ? "" : fmt::format(" (\"{}\", relative to {})", source.written, relative_to);
    throw InputError{fmt::format("{}: no such file or folder{}{}", source.path.string(), relative, advice(source))};
  }
  if (!fs::is_regular_file(status)) return;
  if (const auto part = part_of_folder(source.path)) {
    const auto folder = fs::path{source.written}.parent_path().string();
    throw InputError{fmt::format("{}: {}, {}", source.written, *part, folder.empty() ? "." : folder)};
  }
}

}  // namespace dare::pipeline
