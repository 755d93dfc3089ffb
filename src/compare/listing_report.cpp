#include "checkpoint/text.hpp"
#include "compare/inspect_report.hpp"
#include "compare/table.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/plural.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>

namespace dare::compare {
namespace {

using Json = nlohmann::ordered_json;
using checkpoint::Header;
using checkpoint::TensorInfo;

struct Total {
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  void add(const TensorInfo& tensor) {
    ++tensors;
    elements += tensor.elements;
    bytes += tensor.bytes;
  }
};

struct Totals {
  Total all;
  std::map<Dtype, Total> by_dtype;
  explicit Totals(const Header& header) {
    for (const auto& tensor : header.tensors) {
      all.add(tensor);
      by_dtype[tensor.dtype].add(tensor);
    }
  }
};

std::string_view format_name(checkpoint::Format format) {
  return format == checkpoint::Format::hdf5 ? "HDF5" : format == checkpoint::Format::pytorch ? "PyTorch" : "safetensors";
}

// In one piece at a place of a file, or how else.
std::string storage_of(const TensorInfo& tensor, const Header& header) {
  const auto file = checkpoint::one_line(header.files[tensor.file].name);
  if (tensor.bytes == 0) return "no bytes";
  if (!tensor.strides.empty()) return fmt::format("{}, strides {}", file, to_string(tensor.strides));
  if (tensor.offset != 0) return fmt::format("{} at {}", file, tensor.offset);
  return header.format == checkpoint::Format::hdf5 ? file + ", not in one piece" : file + " at 0";
}

std::string totals_text(const Total& total) {
  return fmt::format("{}, {}, {}", plural(total.tensors, "tensor"), plural(total.elements, "element"), format_bytes(total.bytes));
}

Json total_json(const Total& total) {
  return {{"tensors", total.tensors}, {"elements", total.elements}, {"bytes", total.bytes}};
}

Json tensor_json(const TensorInfo& tensor, const Header& header) {
  Json json{{"name", tensor.name},
            {"dtype", name(tensor.dtype)},
            {"shape", tensor.shape},
            {"elements", tensor.elements},
            {"bytes", tensor.bytes},
            {"file", header.files[tensor.file].name},
            {"offset", tensor.offset != 0 ? Json(tensor.offset) : Json()}};
  if (!tensor.dataset.empty()) json["dataset"] = tensor.dataset;
  if (!tensor.strides.empty()) json["strides"] = tensor.strides;
  return json;
}

}  // namespace

std::string listing_text(const Header& header, const InspectOptions& options) {
  const Totals totals{header};
  auto text = fmt::format("{}: {}, {}\n", header.root.string(), format_name(header.format), totals_text(totals.all));
  for (const auto& [dtype, total] : totals.by_dtype) text += fmt::format("  {}: {}\n", name(dtype), totals_text(total));
  for (const auto& file : header.files) text += fmt::format("  file {}: {} bytes\n", checkpoint::one_line(file.name), file.size);
  for (const auto& file : header.side_files) text += fmt::format("  beside it: {}\n", checkpoint::one_line(file));
  if (!header.metadata.empty()) text += fmt::format("  metadata: {}\n", checkpoint::one_line(header.metadata));
  if (options.totals_only || header.tensors.empty()) return text;
  Table table{{"<type", "bytes", "<shape", "<tensor", "<stored in"}};
  for (const auto& tensor : header.tensors) {
    table.add(
        {std::string{name(tensor.dtype)}, std::to_string(tensor.bytes), to_string(tensor.shape), tensor.name, storage_of(tensor, header)});
  }
  return text + table.text();
}

Json listing_json(const Header& header, const InspectOptions& options) {
  const Totals totals{header};
  auto files = Json::array();
  for (const auto& file : header.files)
    files.push_back({{"name", file.name}, {"size", file.size}, {"header_xxh3_128", to_hex(file.header_hash)}});
  auto dtypes = Json::object();
  for (const auto& [dtype, total] : totals.by_dtype) dtypes[std::string{name(dtype)}] = total_json(total);
  const auto metadata = header.metadata.empty() ? Json() : Json::parse(header.metadata, nullptr, false);
  Json json{{"path", header.root.string()},
            {"format", format_name(header.format)},
            {"totals", total_json(totals.all)},
            {"dtypes", std::move(dtypes)},
            {"files", std::move(files)},
            {"side_files", header.side_files},
            {"metadata", metadata.is_discarded() ? Json() : metadata}};
  if (options.totals_only) return json;
  auto tensors = Json::array();
  for (const auto& tensor : header.tensors) tensors.push_back(tensor_json(tensor, header));
  json["tensors"] = std::move(tensors);
  return json;
}

}  // namespace dare::compare
