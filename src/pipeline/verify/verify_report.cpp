#include "pipeline/verify/verify_report.hpp"

#include "core/json_text.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/packed.hpp>
#include <dare/core/plural.hpp>
#include <dare/plan/grid.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace dare::pipeline {
namespace {

using Json = nlohmann::ordered_json;

// Where a block is.
struct Place {
  std::uint64_t first = 0;  // element
  std::uint64_t elements = 0;
  std::string file;
  std::optional<std::uint64_t> offset;  // in the file; nothing where its storage does not say (chunked HDF5)
  std::uint64_t begin = 0;              // bytes from the tensor's first
  std::uint64_t bytes = 0;
};

Place place_of(const VerifyReport& report, const BlockMismatch& mismatch) {
  const auto& tensor = *report.output.find(report.manifest.tensors[mismatch.tensor].name);
  const auto bits = info(tensor.dtype).bits;
  Place place;
  place.first = mismatch.block * plan::k_block_elements;
  place.elements = std::min(plan::k_block_elements, tensor.elements - place.first);
  place.file = report.output.files[tensor.file].name;
  place.begin = place.first * bits / 8;
  place.bytes = packed_bytes(place.elements, bits);
  if (tensor.offset != 0) place.offset = tensor.offset + place.begin;
  return place;
}

std::string bytes_text(const Place& place) {
  if (place.offset) return fmt::format("bytes [{}, {}) of {}", *place.offset, *place.offset + place.bytes, place.file);
  return fmt::format("bytes [{}, {}) of the tensor, in {}", place.begin, place.begin + place.bytes, place.file);
}

template <class T>
std::size_t shown(const std::vector<T>& all, std::uint64_t most) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(all.size(), most));
}

std::string left_out(std::size_t all, std::size_t listed) {
  return all == listed ? "" : fmt::format("... and {} more (--show)\n", all - listed);
}

std::string hex(std::uint64_t bits, Dtype dtype) {
  return fmt::format("0x{:0{}x}", bits, std::max(info(dtype).bits / 4, 1U));
}

std::string blocks_text(const VerifyReport& report) {
  std::string text;
  for (const auto& problem : report.blocks.problems) text += problem + "\n";
  const auto& all = report.blocks.mismatches;
  const auto listed = shown(all, report.options.show);
  for (std::size_t i = 0; i < listed; ++i) {
    const auto& tensor = report.manifest.tensors[all[i].tensor];
    const auto place = place_of(report, all[i]);
    text += fmt::format("tensor \"{}\": block {} of {} differs: elements [{}, {}), {}: XXH3-128 {}, the manifest has {}\n", tensor.name,
                        all[i].block, tensor.blocks.size(), place.first, place.first + place.elements, bytes_text(place),
                        to_hex(all[i].found), to_hex(tensor.blocks[all[i].block]));
  }
  return text + left_out(all.size(), listed);
}

std::string inputs_text(const VerifyReport& report) {
  std::string text;
  for (const auto& problem : report.inputs->problems) text += problem + "\n";
  const auto& all = report.inputs->mismatches;
  const auto listed = shown(all, report.options.show);
  for (std::size_t i = 0; i < listed; ++i) {
    const auto& tensor = report.output.tensors[all[i].tensor];
    text += fmt::format(
        "tensor \"{}\": {} of the run of {} at element {} not as the inputs give them, the first element {}: {}, recomputed {}\n",
        tensor.name, plural(all[i].differing, "element"), k_sample_elements, all[i].first / k_sample_elements * k_sample_elements,
        all[i].first, hex(all[i].stored, tensor.dtype), hex(all[i].recomputed, tensor.dtype));
  }
  return text + left_out(all.size(), listed);
}

Json blocks_json(const VerifyReport& report) {
  auto list = Json::array();
  const auto& all = report.blocks.mismatches;
  for (std::size_t i = 0; i < shown(all, report.options.show); ++i) {
    const auto& tensor = report.manifest.tensors[all[i].tensor];
    const auto place = place_of(report, all[i]);
    list.push_back({{"tensor", tensor.name},
                    {"block", all[i].block},
                    {"first_element", place.first},
                    {"elements", place.elements},
                    {"file", place.file},
                    {"offset", place.offset ? Json(*place.offset) : Json()},
                    {"bytes", place.bytes},
                    {"xxh3_128", to_hex(all[i].found)},
                    {"expected_xxh3_128", to_hex(tensor.blocks[all[i].block])}});
  }
  return list;
}

Json inputs_json(const VerifyReport& report) {
  if (!report.inputs) return nullptr;
  const auto& inputs = *report.inputs;
  auto list = Json::array();
  for (std::size_t i = 0; i < shown(inputs.mismatches, report.options.show); ++i) {
    const auto& mismatch = inputs.mismatches[i];
    const auto& tensor = report.output.tensors[mismatch.tensor];
    list.push_back({{"tensor", tensor.name},
                    {"first_element", mismatch.first},
                    {"differing", mismatch.differing},
                    {"stored", hex(mismatch.stored, tensor.dtype)},
                    {"recomputed", hex(mismatch.recomputed, tensor.dtype)}});
  }
  return {{"problems", inputs.problems},
          {"runs", inputs.runs},
          {"runs_in_all", inputs.runs_in_all},
          {"elements", inputs.elements},
          {"mismatched_runs", inputs.mismatches.size()},
          {"mismatches", std::move(list)}};
}

std::string counts_text(const VerifyReport& report) {
  const auto& blocks = report.blocks;
  if (report.manifest.deltas)
    return fmt::format("{} of {} differ", blocks.problems.size(), plural(report.manifest.deltas->size(), "delta checkpoint"));
  if (!report.unreadable) return fmt::format("{} of {} differ", blocks.mismatches.size(), plural(blocks.blocks, "block"));
  std::uint64_t in_manifest = 0;
  for (const auto& tensor : report.manifest.tensors) in_manifest += tensor.blocks.size();
  return fmt::format("none of the manifest's {} could be read", plural(in_manifest, "block"));
}

std::string verdict(const VerifyReport& report) {
  if (!report.equal()) return "NOT verified";
  if (report.manifest.deltas) return "verified, weights and masks alone: the manifest records nothing of the files beside them";
  return report.manifest.parts
             ? "verified"
             : "verified, tensors alone: the manifest is of a version that recorded nothing of headers and files beside them";
}

}  // namespace

bool VerifyReport::equal() const noexcept {
  return blocks.problems.empty() && blocks.mismatches.empty() && (!inputs || (inputs->problems.empty() && inputs->mismatches.empty()));
}

std::string VerifyReport::text() const {
  auto result = blocks_text(*this);
  if (inputs) result += inputs_text(*this);
  result += fmt::format("{}: {}", options.output.string(), counts_text(*this));
  if (inputs) result += fmt::format("; {} of {} recomputed from the inputs differ", inputs->mismatches.size(), plural(inputs->runs, "run"));
  const auto problems = (manifest.deltas || unreadable ? 0 : blocks.problems.size()) + (inputs ? inputs->problems.size() : 0);
  if (problems != 0) result += "; " + plural(problems, "other problem");
  return result + fmt::format(" ({} read in {:.2f} s on {})\n{}\n", format_bytes(blocks.bytes), elapsed_s,
                              plural(static_cast<std::uint64_t>(ranks), "rank"), verdict(*this));
}

std::string VerifyReport::json() const {
  const Json result{{"output", options.output.string()},
                    {"verified", equal()},
                    {"tensors_alone", !manifest.parts},
                    {"delta_checkpoints", manifest.deltas ? Json(manifest.deltas->size()) : Json()},
                    {"tensors", manifest.tensors.size()},
                    {"blocks", blocks.blocks},
                    {"bytes", blocks.bytes},
                    {"problems", blocks.problems},
                    {"mismatched_blocks", blocks.mismatches.size()},
                    {"mismatches", blocks_json(*this)},
                    {"against", inputs_json(*this)},
                    {"ranks", ranks},
                    {"elapsed_s", elapsed_s}};
  return json_lines(result);
}

}  // namespace dare::pipeline
