#include "compare/diff_report.hpp"

#include "compare/figure_text.hpp"
#include "core/json_text.hpp"
#include "core/table.hpp"

#include <dare/checkpoint/delta.hpp>
#include <dare/core/plural.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace dare::compare {
namespace {

using Json = nlohmann::ordered_json;
using checkpoint::TensorInfo;

bool equal_pair(const DiffReport& report, std::size_t p) {
  const auto& pair = report.pairing.pairs[p];
  return report.differences[p].differing == 0 && report.a.tensors[pair.a].dtype == report.b.tensors[pair.b].dtype;
}

std::string dtypes(const TensorInfo& a, const TensorInfo& b) {
  return a.dtype == b.dtype ? std::string{name(a.dtype)} : fmt::format("{} / {}", name(a.dtype), name(b.dtype));
}

bool has_ulps(const TensorInfo& a, const TensorInfo& b) {
  return a.dtype == b.dtype && is_floating(a.dtype);
}

bool has_figures(const TensorInfo& a, const TensorInfo& b) {
  return is_floating(a.dtype) && is_floating(b.dtype);
}

Difference overall(const DiffReport& report) {
  Difference all;
  for (const auto& difference : report.differences) all.add(difference);
  return all;
}

std::string cosine_text(const std::optional<double>& cosine) {
  return cosine ? fmt::format("{:.6f}", *cosine) : "-";
}

std::string table_of(const DiffReport& report, std::size_t columns) {
  Table table{{"elements", "differing", "max |a-b|", "at", "relative", "ULPs", "cosine", "<type", "<tensor"}};
  for (std::size_t p = 0; p < report.differences.size(); ++p) {
    if (equal_pair(report, p) && !report.options.list_equal) continue;
    const auto& a = report.a.tensors[report.pairing.pairs[p].a];
    const auto& b = report.b.tensors[report.pairing.pairs[p].b];
    const auto& d = report.differences[p];
    const bool figures = has_figures(a, b);
    table.add({std::to_string(d.elements), std::to_string(d.differing), figures ? figure(d.absolute.value) : "-",
               figures && d.absolute.value > 0 ? std::to_string(d.absolute.at) : "-", figures ? figure(d.relative.value) : "-",
               has_ulps(a, b) ? std::to_string(d.ulps.value) : "-", figures ? cosine_text(d.cosine()) : "-", dtypes(a, b), a.name});
  }
  return table.empty() ? "" : table.text(columns);
}

std::string unpaired(const DiffReport& report) {
  std::string text;
  for (const auto t : report.pairing.only_a)
    text += fmt::format("only in A: {} {}\n", report.a.tensors[t].name, dtype_and_shape(report.a.tensors[t]));
  for (const auto t : report.pairing.only_b)
    text += fmt::format("only in B: {} {}\n", report.b.tensors[t].name, dtype_and_shape(report.b.tensors[t]));
  for (const auto& pair : report.pairing.of_other_shape) {
    text += fmt::format("other shape: {} is {} in A, {} in B\n", report.a.tensors[pair.a].name, dtype_and_shape(report.a.tensors[pair.a]),
                        dtype_and_shape(report.b.tensors[pair.b]));
  }
  return text;
}

std::size_t equal_pairs(const DiffReport& report) {
  std::size_t count = 0;
  for (std::size_t p = 0; p < report.differences.size(); ++p) count += equal_pair(report, p) ? 1 : 0;
  return count;
}

// What a delta checkpoint stores is not what it stands for.
std::string on_deltas(const DiffReport& report) {
  std::string text;
  for (const auto& [side, header] : {std::pair{"A", &report.a}, std::pair{"B", &report.b}}) {
    if (checkpoint::is_delta(*header)) {
      text += fmt::format("{}, {}, is a delta checkpoint: what it stores is compared, not the model that it stands for\n", side,
                          header->root.string());
    }
  }
  return text;
}

std::string counts_text(const DiffReport& report) {
  const auto same = equal_pairs(report);
  const auto& pairing = report.pairing;
  auto text = fmt::format("{} in both: {} equal, {} different", plural(report.differences.size(), "tensor"), same,
                          report.differences.size() - same);
  if (const auto other = pairing.of_other_shape.size(); other != 0) text += fmt::format("; {} of other shape", other);
  if (!pairing.only_a.empty() || !pairing.only_b.empty())
    text += fmt::format("; {} in A alone, {} in B alone", pairing.only_a.size(), pairing.only_b.size());
  return text;
}

Json figures_json(const Difference& d, bool figures, bool ulps) {
  const auto peak = [](bool has, const auto& peak_of) -> Json {
    if (!has) return nullptr;
    return {{"value", peak_of.value}, {"at", peak_of.value > 0 ? Json(peak_of.at) : Json()}};
  };
  const auto cosine = figures ? d.cosine() : std::nullopt;
  return {{"elements", d.elements},
          {"differing", d.differing},
          {"nonfinite", d.nonfinite},
          {"max_absolute", peak(figures, d.absolute)},
          {"max_relative", peak(figures, d.relative)},
          {"max_ulps", peak(ulps, d.ulps)},
          {"cosine", cosine ? Json(*cosine) : Json()}};
}

Json pair_json(const DiffReport& report, std::size_t p) {
  const auto& a = report.a.tensors[report.pairing.pairs[p].a];
  const auto& b = report.b.tensors[report.pairing.pairs[p].b];
  Json json{
      {"tensor", a.name}, {"equal", equal_pair(report, p)}, {"dtype_a", name(a.dtype)}, {"dtype_b", name(b.dtype)}, {"shape", a.shape}};
  json.update(figures_json(report.differences[p], has_figures(a, b), has_ulps(a, b)));
  return json;
}

Json names(const std::vector<std::uint32_t>& positions, const checkpoint::Header& header) {
  auto list = Json::array();
  for (const auto t : positions) list.push_back(header.tensors[t].name);
  return list;
}

}  // namespace

bool DiffReport::equal() const noexcept {
  return pairing.only_a.empty() && pairing.only_b.empty() && pairing.of_other_shape.empty() && equal_pairs(*this) == differences.size();
}

std::string DiffReport::text(std::size_t columns) const {
  const auto all = overall(*this);
  auto result = on_deltas(*this) + table_of(*this, columns) + unpaired(*this) + counts_text(*this);
  result += fmt::format("\n{} of {} differ", all.differing, plural(all.elements, "element"));
  if (all.nonfinite != 0) result += fmt::format(", {} of them not finite", all.nonfinite);
  if (all.differing != 0) {
    result += fmt::format("\nmax |a-b| {}, max relative {}, cosine {}", figure(all.absolute.value), figure(all.relative.value),
                          cosine_text(all.cosine()));
  }
  return result + (equal() ? "\nequal\n" : "\ndifferent\n");
}

std::string DiffReport::json() const {
  auto tensors = Json::array();
  for (std::size_t p = 0; p < differences.size(); ++p) {
    if (!equal_pair(*this, p) || options.list_equal) tensors.push_back(pair_json(*this, p));
  }
  auto shapes = Json::array();
  for (const auto& pair : pairing.of_other_shape) {
    shapes.push_back({{"tensor", a.tensors[pair.a].name}, {"shape_a", a.tensors[pair.a].shape}, {"shape_b", b.tensors[pair.b].shape}});
  }
  auto all = overall(*this);
  auto overall_json = figures_json(all, true, false);
  for (const auto* key : {"max_absolute", "max_relative"}) overall_json[key] = overall_json[key]["value"];
  overall_json.erase("max_ulps");
  const Json result{{"a", options.a.string()},
                    {"b", options.b.string()},
                    {"equal", equal()},
                    {"tensors_in_both", differences.size()},
                    {"tensors_equal", equal_pairs(*this)},
                    {"overall", std::move(overall_json)},
                    {"tensors", std::move(tensors)},
                    {"only_in_a", names(pairing.only_a, a)},
                    {"only_in_b", names(pairing.only_b, b)},
                    {"other_shape", std::move(shapes)}};
  return json_lines(result);
}

}  // namespace dare::compare
