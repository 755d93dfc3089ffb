#include "compare/figure_text.hpp"
#include "compare/inspect_report.hpp"
#include "core/table.hpp"

#include <dare/core/plural.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::compare {
namespace {

using Json = nlohmann::ordered_json;

template <class Format>
std::string or_dash(const std::optional<double>& value, const Format& format) {
  return value ? format(*value) : "-";
}

std::vector<std::string> headings(const InspectOptions& options) {
  std::vector<std::string> row{"mean |d|", "median", "9th decile", "max |d|", "zero", "lost", "|d|/|B|", "cosine"};
  for (const auto p : options.drop_rates) row.push_back(fmt::format("noise {}", p));
  row.emplace_back("<tensor");
  return row;
}

std::vector<std::string> cells(const std::string& name, const DeltaFigures& figures, const InspectOptions& options) {
  const auto decile = [&](std::size_t d) { return figures.deciles ? figure((*figures.deciles)[d]) : std::string{"-"}; };
  std::vector<std::string> row{figure(figures.mean_size()),
                               decile(4),
                               decile(8),
                               figure(figures.sums.largest.value),
                               percent(figures.share(figures.sums.zero)),
                               percent(figures.share(figures.sums.lost)),
                               or_dash(figures.relative_norm(), figure),
                               or_dash(figures.cosine(), [](double c) { return fmt::format("{:.4f}", c); })};
  for (const auto p : options.drop_rates) row.push_back(or_dash(figures.noise_to_signal(p), figure));
  row.push_back(name);
  return row;
}

Json or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json figures_json(const DeltaFigures& figures, const InspectOptions& options) {
  auto noise = Json::array();
  for (const auto p : options.drop_rates) noise.push_back({{"drop_rate", p}, {"noise_to_signal", or_null(figures.noise_to_signal(p))}});
  return {{"elements", figures.sums.elements},
          {"nonfinite", figures.sums.nonfinite},
          {"mean_abs", figures.mean_size()},
          {"max_abs", figures.sums.largest.value},
          {"max_abs_at", figures.sums.largest.at},
          {"deciles_abs", figures.deciles ? Json(*figures.deciles) : Json()},
          {"share_zero", figures.share(figures.sums.zero)},
          {"share_lost_to_rounding", figures.share(figures.sums.lost)},
          {"relative_norm", or_null(figures.relative_norm())},
          {"cosine_with_base", or_null(figures.cosine())},
          {"noise", std::move(noise)}};
}

}  // namespace

std::string FitnessReport::text(std::size_t columns) const {
  auto result = fmt::format("{} beside its base {}: {} compared, {}\n", model.root.string(), base.root.string(),
                            plural(pairing.pairs.size(), "float tensor"), plural(fitness.overall.sums.elements, "element"));
  Table table{headings(options)};
  if (!options.totals_only) {
    for (std::size_t p = 0; p < fitness.tensors.size(); ++p) {
      table.add(cells(model.tensors[pairing.pairs[p].a].name, fitness.tensors[p], options));
    }
  }
  table.add(cells("all", fitness.overall, options));
  result += table.text(columns);
  for (const auto& warning : assessment.warnings) result += "note: " + warning + "\n";
  return result + fmt::format("{}: {}\n", name(assessment.verdict), assessment.advice);
}

Json FitnessReport::json() const {
  Json result{{"path", model.root.string()},
              {"base", base.root.string()},
              {"verdict", name(assessment.verdict)},
              {"warnings", assessment.warnings},
              {"drop_rate", or_null(assessment.drop_rate)},
              {"advice", assessment.advice},
              {"overall", figures_json(fitness.overall, options)}};
  if (options.totals_only) return result;
  auto tensors = Json::array();
  for (std::size_t p = 0; p < fitness.tensors.size(); ++p) {
    const auto& tensor = model.tensors[pairing.pairs[p].a];
    Json json{{"name", tensor.name}, {"dtype", name(tensor.dtype)}, {"base_dtype", name(base.tensors[pairing.pairs[p].b].dtype)}};
    json.update(figures_json(fitness.tensors[p], options));
    tensors.push_back(std::move(json));
  }
  result["tensors"] = std::move(tensors);
  return result;
}

}  // namespace dare::compare
