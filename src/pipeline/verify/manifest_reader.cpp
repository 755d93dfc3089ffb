#include "pipeline/verify/manifest_reader.hpp"

#include "checkpoint/tensor_name.hpp"
#include "core/json_fields.hpp"
#include "core/printable.hpp"
#include "pipeline/manifest_json.hpp"

#include <dare/core/error.hpp>
#include <dare/core/tensor_size.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/plan/grid.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <unordered_set>

namespace dare::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// Takes a manifest apart while it is parsed: tensors, of which there may be very many, never are a JSON document.
class ManifestParser {
 public:
  explicit ManifestParser(const std::filesystem::path& file) : file_{file} {}

  Manifest parse(std::string_view text) {
    try {
      const auto head = parse_manifest_json(text, [this](const Json& entry, bool of_deltas) {
        if (of_deltas) add_delta(entry);
        else add_tensor(entry);
      });
      read_head(head);
    } catch (const JsonError& error) { refuse(fmt::format("no valid manifest ({})", printable(error.what(), 200))); }
    return std::move(manifest_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw InputError{fmt::format("{}: {}; {}", file_.string(), what, k_damaged_manifest)};
  }
  [[noreturn]] void refuse(const std::string& tensor, const std::string& what) const {
    refuse(fmt::format("tensor \"{}\": {}", printable(tensor), what));
  }

  void add_tensor(const Json& json) {
    const auto path = fmt::format("tensors[{}]", manifest_.tensors.size());
    ManifestTensor tensor;
    tensor.name = text_field(json, path, "name");
    const auto problem = tensor.name == checkpoint::k_metadata_key ? "" : checkpoint::name_problem(tensor.name);
    if (!problem.empty()) refuse(tensor.name, problem);
    if (!names_.insert(tensor.name).second) refuse(tensor.name, "stands twice");
    const auto dtype = text_field(json, path, "dtype");
    const auto known = dtype_named(dtype);
    if (!known) refuse(tensor.name, fmt::format("dtype \"{}\" is unknown", printable(dtype)));
    tensor.dtype = *known;
    for (const auto& extent : list_field(json, path, "shape")) {
      if (!extent.is_number_unsigned()) refuse(tensor.name, "shape holds what is no number from 0 up");
      tensor.shape.push_back(extent.get<std::uint64_t>());
    }
    tensor.elements = sized(tensor.dtype, tensor.shape, [&](const std::string& what) { refuse(tensor.name, what); }).elements;
    read_hashes(text_field(json, path, "xxh3_128"), tensor);
    manifest_.tensors.push_back(std::move(tensor));
  }

  void add_delta(const Json& json) {
    const auto path = fmt::format("tensors[{}]", manifest_.deltas ? manifest_.deltas->size() : 0);
    auto name = text_field(json, path, "name");
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      refuse(fmt::format("the delta checkpoint \"{}\" is no file or folder beside it", printable(name)));
    }
    if (!manifest_.deltas) manifest_.deltas.emplace();
    manifest_.deltas->push_back({std::move(name), text_field(json, path, "xxh3_128")});
  }

  void read_hashes(const std::string& digits, ManifestTensor& tensor) const {
    const auto blocks = tensor.elements / plan::k_block_elements + (tensor.elements % plan::k_block_elements != 0 ? 1 : 0);
    constexpr auto per_block = 2 * sizeof(Hash128);
    if (digits.size() % per_block != 0 || digits.size() / per_block != blocks) {
      refuse(tensor.name, fmt::format("{} digits of hashes, its {} blocks have {} each", digits.size(), blocks, per_block));
    }
    tensor.blocks.resize(blocks);
    for (std::size_t i = 0; i < digits.size(); ++i) {
      const auto digit = std::string_view{"0123456789abcdef"}.find(digits[i]);
      if (digit == std::string_view::npos) refuse(tensor.name, "a hash holds what is no hexadecimal digit");
      auto& byte = tensor.blocks[i / per_block][i % per_block / 2];
      byte = static_cast<std::byte>((static_cast<unsigned>(byte) << 4U) | digit);
    }
  }

  void read_head(const Json& head) {
    if (!head.is_object() || text_field(head, "", "format") != k_manifest_format)
      refuse(fmt::format("format is not \"{}\"", k_manifest_format));
    if (const auto& version = field(head, "", "format_version"); version != 1) {
      throw InputError{fmt::format("{}: format_version {}, this program reads 1; use a newer one", file_.string(), brief(version))};
    }
    if (const auto& size = field(head, "", "block_elements"); size != plan::k_block_elements) {
      refuse(fmt::format("block_elements {}, expected {}", brief(size), plan::k_block_elements));
    }
    if (!head.contains("tensors") || !head["tensors"].is_array() || !head["tensors"].empty()) refuse("tensors is no list of tensors");
    if (head.contains("outputs") && text_field(head, "", "outputs") == "delta" && !manifest_.deltas) manifest_.deltas.emplace();
    manifest_.program = text_field(head, "", "program");
    manifest_.stream_version = whole_field(head, "", "stream_version");
    manifest_.recipe = field(head, "", "recipe").dump();
    if (head.contains("parts")) read_parts(list_field(head, "", "parts"), manifest_.parts.emplace());
    for (const auto& input : list_field(head, "", "inputs")) read_input(input);
  }

  void read_input(const Json& input) {
    const auto path = fmt::format("inputs[{}]", manifest_.inputs.size());
    auto& into = manifest_.inputs.emplace_back();
    into.path = text_field(input, path, "path");
    for (const auto& file : list_field(input, path, "files")) {
      const auto place = fmt::format("{}.files[{}]", path, into.files.size());
      into.files.push_back({text_field(file, place, "name"), whole_field(file, place, "size"), text_field(file, place, "header_xxh3_128"),
                            file.contains("pieces_xxh3_128") ? text_field(file, place, "pieces_xxh3_128") : ""});
    }
  }

  static void read_parts(const Json& list, std::vector<OutputPart>& parts) {
    for (const auto& part : list) {
      const auto path = fmt::format("parts[{}]", parts.size());
      parts.push_back({text_field(part, path, "part"), text_field(part, path, "name"), whole_field(part, path, "size"),
                       text_field(part, path, "xxh3_128")});
    }
  }

  const std::filesystem::path& file_;
  Manifest manifest_;
  std::unordered_set<std::string> names_;
};

}  // namespace

Manifest parse_manifest(const std::filesystem::path& file, std::string_view text) {
  return ManifestParser{file}.parse(text);
}

Manifest read_manifest(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) {
    throw InputError{
        fmt::format("{}: no manifest is there; only outputs of dare-merge have one, and it is moved along with them", file.string())};
  }
  if (!std::filesystem::is_regular_file(status)) throw InputError{fmt::format("{}: no regular file", file.string())};
  std::string text;
  try {
    text = read_manifest_text(file);
  } catch (const IoError& io) { throw InputError{io.what()}; }
  return parse_manifest(file, text);
}

}  // namespace dare::pipeline
