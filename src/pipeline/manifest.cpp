#include <dare/pipeline/manifest.hpp>

#include "core/json_text.hpp"
#include "pipeline/manifest_json.hpp"
#include "pipeline/output_parts.hpp"

#include <dare/core/file.hpp>
#include <dare/core/write_back.hpp>
#include <dare/random/drop_stream.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t k_longest = std::uint64_t{1} << 30U;

// Text to a file in large pieces: a manifest of a trillion parameters is not built in memory.
class TextFile {
 public:
  explicit TextFile(const std::filesystem::path& path) : file_{File::create(path)} {}
  void add(std::string_view text) {
    pending_ += text;
    if (pending_.size() >= k_piece) flush();
  }
  void finish() {
    flush();
    begin_write_back(file_.fd(), 0, written_);
    file_.close();
  }

 private:
  static constexpr std::size_t k_piece = std::size_t{1} << 20U;
  void flush() {
    file_.write_at(written_, std::as_bytes(std::span{pending_}));
    written_ += pending_.size();
    pending_.clear();
  }
  File file_;
  std::uint64_t written_ = 0;
  std::string pending_;
};

Json describe(const checkpoint::Header& header, const std::vector<std::string>& contents) {
  auto files = Json::array();
  for (std::size_t f = 0; f < header.files.size(); ++f) {
    const auto& file = header.files[f];
    files.push_back({{"name", file.name}, {"size", file.size}, {"header_xxh3_128", to_hex(file.header_hash)}});
    if (!contents.empty()) files.back()["pieces_xxh3_128"] = contents[f];
  }
  return {{"path", header.root.string()}, {"files", std::move(files)}};
}

Json head_of(const Work& work, const Product& product) {
  auto inputs = Json::array();
  for (std::size_t i = 0; i < work.inputs(); ++i) {
    inputs.push_back(describe(work.input(i), work.content_hashes.empty() ? std::vector<std::string>{} : work.content_hashes[i]));
  }
  return {{"format", k_manifest_format},
          {"format_version", 1},
          {"program", "dare-mpi " DARE_VERSION},
          {"stream_version", random::k_stream_version},
          {"recipe", Json::parse(product.job.recipe_json)},
          {"inputs", std::move(inputs)},
          {"block_elements", plan::k_block_elements}};
}

Json parts_json(const std::vector<OutputPart>& parts) {
  auto list = Json::array();
  for (const auto& part : parts) list.push_back({{"part", part.kind}, {"name", part.name}, {"size", part.size}, {"xxh3_128", part.hash}});
  return list;
}

void compare(const Json& now, const Json& before, const std::string& where, std::string& lines) {
  if (now == before) return;
  const bool both = (now.is_object() && before.is_object()) || (now.is_array() && before.is_array() && now.size() == before.size());
  if (!both) {
    const auto text = [](const Json& json) { return json.is_null() ? std::string{"nothing"} : json.dump(); };
    lines += fmt::format("\n  {}: {}, was {}", where, text(now), text(before));
    return;
  }
  if (now.is_array()) {
    for (std::size_t i = 0; i < now.size(); ++i) compare(now[i], before[i], fmt::format("{}[{}]", where, i), lines);
    return;
  }
  for (const auto& [key, value] : now.items()) {
    compare(value, before.contains(key) ? before[key] : Json{}, where.empty() ? key : where + "." + key, lines);
  }
  for (const auto& [key, value] : before.items()) {
    if (!now.contains(key)) compare(Json{}, value, where.empty() ? key : where + "." + key, lines);
  }
}

}  // namespace

std::string manifest_head(const Work& work, const Product& product) {
  return json_text(head_of(work, product), 1);
}

std::string read_manifest_text(const std::filesystem::path& file) {
  return read_text(file, k_longest);
}

std::string difference(const std::string& now, const std::string& before) {
  std::string lines;
  compare(Json::parse(now), Json::parse(before), "", lines);
  return lines;
}

void write_manifest(const std::filesystem::path& path, const std::filesystem::path& output, const Work& work, const Product& product,
                    const plan::Grid& grid, const std::vector<Hash128>& hashes, const merge::Counts& counts) {
  TextFile file{path};
  auto head = head_of(work, product);
  if (keeps_nonfinite(product)) head["nonfinite_elements"] = counts.nonfinite;
  head["parts"] = parts_json(parts_of(checkpoint::read_header_of_unfinished(output)));
  head["elements_merged"] = counts.merged;
  head["elements_swallowed"] = counts.swallowed;
  auto text = json_text(head, 1);
  text.resize(text.size() - 2);  // without the closing brace and the line end before it: the tensors follow
  file.add(text + ",\n \"tensors\": [");
  const auto tensors = output_tensors(work, product);
  for (std::uint32_t t = 0; t < tensors.size(); ++t) {
    const auto last = t + 1 < tensors.size() ? grid.first_block(t + 1) : grid.blocks();
    std::string blocks;
    for (auto block = grid.first_block(t); block < last; ++block) blocks += to_hex(hashes[block]);
    const Json entry{
        {"name", tensors[t].name}, {"dtype", name(tensors[t].dtype)}, {"shape", tensors[t].shape}, {"xxh3_128", std::move(blocks)}};
    file.add((t == 0 ? "\n  " : ",\n  ") + json_text(entry));
  }
  file.add("\n ]\n}\n");
  file.finish();
}

}  // namespace dare::pipeline
