#include "pipeline/explain/explain_print.hpp"

#include "pipeline/explain/element.hpp"
#include "pipeline/explain/explain_value.hpp"

#include "core/table.hpp"
#include "merge/convert.hpp"

#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <bit>
#include <cmath>

namespace dare::pipeline {
namespace {

using Row = Table::Row;

std::string key_text(std::uint64_t key, bool wide) {
  return number_text(wide ? std::bit_cast<double>(key) : static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(key))), wide);
}

// Of deltas as large as a cut, those of elements below its tie_end are on the side of the larger.
std::string cut_text(std::string_view with, std::string_view without, const merge::Cut& cut, bool wide) {
  return fmt::format("{} {}", cut.tie_end == 0 ? without : with, key_text(cut.key, wide));
}

const std::string k_none{'-'};

std::string tie_text(const merge::Cut& cut) {
  return cut.tie_end == 0 || cut.tie_end == merge::k_all_elements ? k_none : fmt::format("elements below {}", cut.tie_end);
}

// The columns of what |delta| is held against: from above too for breadcrumbs, and who is kept of equal ones. Each has a long number.
class CutColumns {
 public:
  explicit CutColumns(const merge::Explanation& of) : wide_{of.wide} {
    for (const auto& model : of.models) {
      if (!model.cuts || model.cuts->kept == merge::Cut::nothing()) continue;
      ties_ = ties_ || tie_text(model.cuts->kept) != k_none;
      if (model.cuts->outlier == merge::Cut::nothing()) continue;
      outliers_ = true;
      outlier_ties_ = outlier_ties_ || tie_text(model.cuts->outlier) != k_none;
    }
  }

  template <class Add>
  void add(const merge::ModelStatistics& cuts, const Add& add) const {
    const bool none = cuts.kept == merge::Cut::nothing();
    const bool outlier = !none && cuts.outlier != merge::Cut::nothing();
    add("kept where |delta|", none ? "none is" : cut_text(">=", ">", cuts.kept, wide_));
    if (ties_) add("where equal", none ? k_none : tie_text(cuts.kept));
    if (outliers_) add("and |delta|", outlier ? cut_text("<=", "<", cuts.outlier, wide_) : k_none);
    if (outlier_ties_) add("where equal", outlier ? tie_text(cuts.outlier) : k_none);
  }

 private:
  bool wide_;
  bool ties_ = false;
  bool outliers_ = false;
  bool outlier_ties_ = false;
};

class Text {
 public:
  Text(const Explained& explained, std::size_t columns) : e_{explained}, settings_{explained.task.settings}, columns_{columns} {}

  std::string all() {
    auto rows = head();
    if (!e_.merged) untouched(rows);
    text_ = lines_of_keys(rows, columns_);
    if (e_.merged) merged(*e_.merged);
    if (!e_.refusal.empty()) text_ += "\na merge stops here: " + e_.refusal + '\n';
    return text_;
  }

 private:
  [[nodiscard]] std::vector<Row> head() const {
    std::vector<Row> rows{{"element", element_name(e_.tensor, e_.task.shape, e_.index)}};
    rows.push_back(
        {"tensor", fmt::format("{} of {}, flat index {}", dtype_and_shape(settings_.base_dtype, e_.task.shape), e_.frame, e_.index)});
    if (e_.merged) {
      rows.push_back(
          {"method", fmt::format("{} in {}, seed {}", e_.recipe.method, e_.merged->wide ? "float64" : "float32", settings_.seed)});
      if (!settings_.has_base) rows.push_back({"base", "none"});
      else if (e_.merged->base) rows.push_back({"base", element(*e_.merged->base)});
      else rows.push_back({"base", "0: it has no such row"});
    }
    return rows;
  }

  static std::string element(const merge::StoredElement& stored) {
    return fmt::format("{} {}  {}", name(stored.dtype), bits_text(stored), value_text(stored));
  }

  void untouched(std::vector<Row>& rows) const {
    const auto* const what = e_.task.action == recipe::TensorTask::Action::copy ? "copied byte for byte" : "converted";
    rows.push_back({"origin", fmt::format("{} from {}: {}", what, e_.frame, e_.untouched)});
    if (e_.copied) rows.push_back({"there", element(*e_.copied)});
    if (e_.written && e_.refusal.empty()) rows.push_back({"output", element(*e_.written)});
  }

  void merged(const merge::Explanation& of) {
    text_ += '\n' + model_table(of) + '\n';
    std::vector<Row> rows;
    for (const auto& fact : of.facts) rows.push_back({std::string{fact.name}, fact_text(fact.value, of)});
    rows.push_back({"result", number_text(of.result, of.wide)});
    if (!of.finding) {
      rows.push_back({"rounding", rounding(of)});
      rows.push_back({"output", element(of.output)});
    }
    text_ += lines_of_keys(rows, columns_);
  }

  // Columns that the sparsifier and the combiner have to say something in; an absent model has none but its name.
  std::string model_table(const merge::Explanation& of) {
    Row headings{"<model", "<"};
    std::vector<Row> rows;
    for (std::size_t k = 0; k < of.models.size(); ++k) {
      const auto& model = of.models[k];
      if (!model.present) {
        rows.push_back({e_.models[k], "absent: it has no such row"});
        continue;
      }
      auto [titles, cells] = model_cells(model, of, e_.left_out[k]);
      headings = std::move(titles);
      cells.insert(cells.begin(), e_.models[k]);
      rows.push_back(std::move(cells));
    }
    Table table{std::move(headings), Table::Narrow::turned};
    for (auto& row : rows) table.add(std::move(row));
    return table.text(columns_);
  }

  // Sums begin with -0, which adds nothing: its sign is told only where it is the result's.
  static std::string fact_text(double value, const merge::Explanation& of) {
    const bool shows = value != 0 || (of.result == 0 && std::signbit(of.result));
    return number_text(shows ? value : 0, of.wide);
  }

  std::pair<Row, Row> model_cells(const merge::ExplainedModel& model, const merge::Explanation& of, bool left_out) {
    const bool wide = of.wide;
    Row titles{"<model", "<stored", "<F", "<delta"};
    Row cells{model.stored ? fmt::format("{} {}", name(model.stored->dtype), bits_text(*model.stored)) : "a change",
              number_text(model.tuned, wide), number_text(model.delta, wide)};
    if (left_out) cells = {"left out", "-", "-"};
    const auto add = [&](const std::string& title, std::string cell) {
      titles.push_back('<' + title);
      cells.push_back(std::move(cell));
    };
    if (model.draw) {
      add("rate", fmt::format("{}", model.draw->rate));
      if (model.draw->uniform) {
        add("u", fmt::format("{}", *model.draw->uniform));
      } else {
        add("u", fmt::format("0x{:08x}", model.draw->u));
        add("T", fmt::format("0x{:08x}", model.draw->threshold));
      }
    }
    if (model.cuts) CutColumns{of}.add(*model.cuts, add);
    if (settings_.sparsifier != merge::Sparsifier::none) {
      add("is", model.kept ? "kept" : "dropped");
      add("g", fmt::format("{}", model.rescale));
    }
    if (model.auxiliary) add("Fisher", value_text(*model.auxiliary));
    for (const auto& fact : model.facts) {
      if (fact.name == "elected") add("elected", fact.value != 0 ? "yes" : "no");
      else add(std::string{fact.name}, fact_text(fact.value, of));
    }
    return {std::move(titles), std::move(cells)};
  }

  [[nodiscard]] std::string rounding(const merge::Explanation& of) const {
    const auto to = name(settings_.out_dtype);
    if (of.origin == merge::Origin::base) {
      if (of.base && of.base->dtype == settings_.out_dtype) return "none: nothing moves the base, whose own bits stay";
      return fmt::format("nothing moves the base, which is rounded to {}", to);
    }
    if (std::isfinite(of.output.value) && (!std::isfinite(of.result) || merge::encode(settings_.out_dtype, of.result).overflow))
      return fmt::format("more than {} holds: its largest (overflow: saturate)", to);
    std::string text = fmt::format("to {}, half to even", to);
    if (of.rounding_draw) {
      const auto up = std::abs(of.output.value) > std::abs(of.result) ? "away from 0" : "towards 0";
      text = fmt::format("to {}, stochastic: draw 0x{:04x}, {}", to, *of.rounding_draw, of.output.value == of.result ? "exact" : up);
    }
    if (of.output.value == of.base_value && of.result != of.base_value) text += "; the change is less than it can show";
    return text;
  }

  const Explained& e_;
  const merge::TensorSettings& settings_;
  std::size_t columns_;
  std::string text_;
};

}  // namespace

std::string to_text(const Explained& explained, std::size_t columns) {
  return Text{explained, columns}.all();
}

}  // namespace dare::pipeline
