#include "checkpoint/formats.hpp"
#include "compare/inspect_report.hpp"
#include "core/printable.hpp"
#include "core/table.hpp"

#include <dare/checkpoint/delta.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/core/plural.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace dare::compare {
namespace {

using Json = nlohmann::ordered_json;
using checkpoint::DeltaOrigin;
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

// In one piece at a place of a file, or how else.
std::string storage_of(const TensorInfo& tensor, const Header& header) {
  const auto file = one_line(header.files[tensor.file].name);
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

// What lies in the files: of a delta checkpoint what is kept, of an adapter the factors.
Header stored(const Header& header) {
  auto files = header;
  files.delta.reset();
  files.low_rank.clear();
  if (header.delta) {
    files.tensors = header.delta->stored;
    files.tensors.push_back(header.delta->kept_before);
  } else if (!header.low_rank.empty()) {
    files.tensors.clear();
    for (const auto& tensor : header.tensors) {
      if (tensor.low_rank < 0) {
        files.tensors.push_back(tensor);
        continue;
      }
      const auto& factors = header.low_rank[static_cast<std::size_t>(tensor.low_rank)];
      files.tensors.insert(files.tensors.end(), {factors.a, factors.b});
      if (factors.has_base) files.tensors.push_back(factors.base);
    }
  }
  return files;
}

std::string quoted_or(const std::string& text, std::string_view otherwise) {
  return text.empty() ? std::string{otherwise} : one_line(text);
}

// Of the figures of an adapter's products: "rank 8" or "rank 4 to 16".
template <class Value>
std::string range_of(const Header& header, Value checkpoint::LowRank::*figure) {
  const auto [low, high] = std::minmax_element(header.low_rank.begin(), header.low_rank.end(),
                                               [&](const auto& a, const auto& b) { return a.*figure < b.*figure; });
  return (*low).*figure == (*high).*figure ? fmt::format("{}", (*low).*figure) : fmt::format("{} to {}", (*low).*figure, (*high).*figure);
}

// What a checkpoint is that stands for a model; empty for a model's.
std::string meaning_text(const Header& header, const DeltaOrigin& origin) {
  if (header.delta) {
    const auto& mask = header.delta->mask;
    std::uint64_t elements = 0;
    std::uint64_t kept = 0;
    for (std::size_t t = 0; t < header.tensors.size(); ++t) {
      if (header.delta->packed[t] == 0) continue;
      elements += header.tensors[t].elements;
      kept += header.delta->stored[t].elements;
    }
    return fmt::format(
        "  a delta checkpoint: what DARE keeps of {} beside the base {}\n"
        "  drop rate {}, seed {}, stream {}: {} of {} float elements; stored as the model has them, a merge rescales\n",
        quoted_or(origin.model, "a model"), quoted_or(origin.base, "(not said)"), mask.drop_rate, mask.seed, mask.stream, kept, elements);
  }
  if (header.low_rank.empty()) return "";
  const auto whole = header.tensors.size() - header.low_rank.size();
  return fmt::format("  a LoRA adapter of {}: {} changed by products of two factors, rank {}, scale {}{}\n",
                     quoted_or(origin.base, "a base that it does not name"), plural(header.low_rank.size(), "tensor"),
                     range_of(header, &checkpoint::LowRank::rank), range_of(header, &checkpoint::LowRank::scale),
                     whole == 0 ? "" : fmt::format("; {} whole", plural(whole, "tensor")));
}

Json meaning_json(const Header& header, const DeltaOrigin& origin) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  if (header.delta) {
    const auto& mask = header.delta->mask;
    return {{"base", text_or_null(origin.base)},
            {"model", text_or_null(origin.model)},
            {"drop_rate", mask.drop_rate},
            {"seed", mask.seed},
            {"stream", mask.stream},
            {"rescaled", false}};
  }
  auto products = Json::array();
  for (const auto& tensor : header.tensors) {
    if (tensor.low_rank < 0) continue;
    const auto& factors = header.low_rank[static_cast<std::size_t>(tensor.low_rank)];
    products.push_back({{"name", tensor.name},
                        {"shape", tensor.shape},
                        {"rank", factors.rank},
                        {"scale", factors.scale},
                        {"transposed", factors.transposed},
                        {"factors", {factors.a.name, factors.b.name}}});
  }
  return {{"base", text_or_null(origin.base)}, {"products", std::move(products)}};
}

// As it is, but for the description of a delta checkpoint, which is told in words.
std::string metadata_text(const Header& header) {
  if (header.metadata.empty()) return "";
  auto text = header.metadata;
  if (header.delta) {
    auto json = Json::parse(header.metadata, nullptr, false);
    if (json.is_object()) json.erase(checkpoint::k_delta_key);
    text = json.is_object() && json.empty() ? "" : json.dump();
  }
  return text.empty() ? "" : fmt::format("  metadata: {}\n", one_line(text));
}

// The model's shapes of a delta checkpoint's tensors, behind those that are stored.
std::string shape_text(const Header& header, const Header& files, std::size_t t) {
  const auto shape = to_string(files.tensors[t].shape);
  if (!header.delta || t >= header.tensors.size() || header.delta->packed[t] == 0) return shape;
  return fmt::format("{} of {}", shape, to_string(header.tensors[t].shape));
}

}  // namespace

std::string listing_text(const Header& header, const DeltaOrigin& origin, const InspectOptions& options, std::size_t columns) {
  const auto files = stored(header);
  const Totals totals{files};
  auto text = fmt::format("{}: {}, {}\n", header.root.string(), checkpoint::row_of(header.format).name, totals_text(totals.all));
  text += meaning_text(header, origin);
  for (const auto& [dtype, total] : totals.by_dtype) text += fmt::format("  {}: {}\n", name(dtype), totals_text(total));
  for (const auto& file : header.files) text += fmt::format("  file {}: {} bytes\n", one_line(file.name), file.size);
  for (const auto& file : header.side_files) text += fmt::format("  beside it: {}\n", one_line(file));
  text += metadata_text(header);
  if (options.totals_only || header.tensors.empty()) return text;
  Table table{{"<type", "bytes", "<shape", "<stored in", "<tensor"}};
  for (std::size_t t = 0; t < files.tensors.size(); ++t) {
    const auto& tensor = files.tensors[t];
    table.add({std::string{name(tensor.dtype)}, std::to_string(tensor.bytes), shape_text(header, files, t), storage_of(tensor, header),
               tensor.name});
  }
  return text + table.text(columns);
}

Json listing_json(const Header& header, const DeltaOrigin& origin, const InspectOptions& options) {
  const auto stored_files = stored(header);
  const Totals totals{stored_files};
  auto files = Json::array();
  for (const auto& file : header.files)
    files.push_back({{"name", file.name}, {"size", file.size}, {"header_xxh3_128", to_hex(file.header_hash)}});
  auto dtypes = Json::object();
  for (const auto& [dtype, total] : totals.by_dtype) dtypes[std::string{name(dtype)}] = total_json(total);
  const auto metadata = header.metadata.empty() ? Json() : Json::parse(header.metadata, nullptr, false);
  Json json{{"path", header.root.string()},
            {"format", checkpoint::row_of(header.format).name},
            {"totals", total_json(totals.all)},
            {"dtypes", std::move(dtypes)},
            {"files", std::move(files)},
            {"side_files", header.side_files},
            {"metadata", metadata.is_discarded() ? Json() : metadata}};
  if (header.delta) json["delta"] = meaning_json(header, origin);
  else if (!header.low_rank.empty()) json["adapter"] = meaning_json(header, origin);
  if (options.totals_only) return json;
  auto tensors = Json::array();
  for (const auto& tensor : stored_files.tensors) tensors.push_back(tensor_json(tensor, header));
  json["tensors"] = std::move(tensors);
  return json;
}

}  // namespace dare::compare
