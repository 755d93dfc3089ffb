// The combiners' arithmetic, once more, for one element: the same operations in the same order and type, each result kept. The tests hold
// them against the combiners themselves.
#include "merge/explain_combiner.hpp"

#include "merge/combiner.hpp"
#include "merge/convert.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace dare::merge {
namespace {

template <class W>
class Facts {
 public:
  Facts(const Strip<W>& strip, Explanation& explanation)
      : strip_{strip}, settings_{strip.settings}, explanation_{explanation}, base_{strip.base[0]} {}

  void task_arithmetic() {
    W sum{-0.0};
    const auto n = normalizer(strip_);
    for (const auto& model : strip_.models) {
      const auto c = static_cast<W>(merge::coefficient(settings_, term(model), of(model).rescale, n));
      const auto part = c * model.delta[0];
      if (model.keeps(0)) sum += part;
      note(model, {{"w", static_cast<W>(term(model).weight)}, {"c", c}, {"c*delta", model.keeps(0) ? part : W{0}}, {"sum", sum}});
    }
    note("lambda", static_cast<W>(settings_.lambda));
    if (settings_.normalize) note("N", n);
    note("sum", sum);
    note("B + sum", base_ + sum);
  }

  void mergelm() {
    const auto lambda = static_cast<W>(settings_.lambda);
    W sum{0};
    for (const auto& model : strip_.models) {
      W d = model.delta[0] * (model.keeps(0) ? W{1} : W{0});
      if (term(model).rescale == Rescale::expected && term(model).rate.drop != 1) d = d / static_cast<W>(1 - term(model).rate.drop);
      const auto part = (base_ + d) - base_;
      sum = sum + part;
      note(model, {{"d", d}, {"(B+d)-B", part}, {"sum", sum}});
    }
    note("lambda", lambda);
    note("lambda*sum", lambda * sum);
    note("B + lambda*sum", base_ + lambda * sum);
  }

  void ties() {
    W vote{0};
    std::vector<W> parts;
    for (const auto& model : strip_.models) {
      const auto g = of(model).rescale;
      const auto t = model.keeps(0) ? static_cast<W>(term(model).weight * g) * model.delta[0] : W{0};
      const auto voice = !model.keeps(0) ? W{0} : settings_.sign == Sign::weighted ? t : static_cast<W>(g) * model.delta[0];
      if (model.keeps(0)) vote += voice;
      parts.push_back(t);
      note(model, {{"w", static_cast<W>(term(model).weight)}, {"t", t}, {"vote", vote}});
    }
    const bool positive = vote >= 0;
    W numerator{0};
    W denominator{0};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto& model = strip_.models[i];
      const bool elected = positive ? parts[i] > 0 : parts[i] < 0;
      if (elected) {
        numerator += parts[i];
        denominator += static_cast<W>(term(model).weight);
      }
      note(model, {{"elected", elected ? W{1} : W{0}}, {"num", numerator}, {"den", denominator}});
    }
    if (denominator == 0) denominator = 1;
    const auto mean = settings_.normalize ? numerator / denominator : numerator;
    const auto sum = static_cast<W>(settings_.lambda) * mean;
    note("elected sign", positive ? 1 : -1);
    note(settings_.normalize ? "num/den" : "num", mean);
    note("lambda", static_cast<W>(settings_.lambda));
    note("sum", sum);
    note("B + sum", base_ + sum);
  }

  void average() {
    W sum{0};
    double weights = 0;
    for (const auto& model : strip_.models) {
      const auto x = averaged(model);
      const auto w = static_cast<W>(term(model).weight);
      sum += w * x;
      weights += term(model).weight;
      note(model, {{"x", x}, {"w", w}, {"w*x", w * x}, {"sum", sum}});
    }
    note("sum", sum);
    note("sum of w", static_cast<W>(weights));
    note("sum/(sum of w)", sum / static_cast<W>(weights));
  }

  void fisher() {
    W sum{0};
    W weights{0};
    for (const auto& model : strip_.models) {
      const auto x = averaged(model);
      const auto c = static_cast<W>(term(model).weight * (of(model).auxiliary->value + 1e-6));
      sum += c * x;
      weights += c;
      note(model, {{"x", x}, {"c", c}, {"c*x", c * x}, {"sum", sum}});
    }
    note("sum", sum);
    note("sum of c", weights);
    note("sum/(sum of c)", sum / weights);
  }

  // What becomes of the x of a whole tensor is known to the solver alone.
  void regmean() {
    for (const auto& model : strip_.models) note(model, {{"x", averaged(model)}, {"w", static_cast<W>(term(model).weight)}});
    note("alpha", settings_.alpha);
  }

  void slerp() {
    const auto a = coefficient(0);
    const auto b = coefficient(1);
    const auto& model = strip_.models[0];
    note(model, {{"c", b}, {"c*F", b * model.tuned[0]}});
    note("t", settings_.t);
    note("c of B", a);
    note("(c of B)*B", a * base_);
    note("(c of B)*B + c*F", a * base_ + b * model.tuned[0]);
  }

  void nearswap() {
    const auto t = static_cast<W>(settings_.t);
    const auto& model = strip_.models[0];
    const auto b = model.tuned[0];
    const auto weight = std::clamp(t / std::max(std::abs(base_ - b), static_cast<W>(1e-6)), W{0}, W{1});
    note(model, {{"w", weight}, {"w*F", weight * b}});
    note("t", t);
    note("1 - w", W{1} - weight);
    note("(1 - w)*B", (W{1} - weight) * base_);
    note("w*F + (1 - w)*B", weight * b + (W{1} - weight) * base_);
  }

  void model_stock() {
    const auto t = strip_.coefficients[strip_.models.size() - 1];
    W sum{0};
    for (const auto& model : strip_.models) {
      sum += model.tuned[0];
      note(model, {{"sum of F", sum}});
    }
    const auto mean = sum / static_cast<W>(strip_.models.size());
    note("t", static_cast<W>(t));
    note("1 - t", static_cast<W>(1 - t));
    note("mean of F", mean);
    note("t*mean + (1 - t)*B", static_cast<W>(t) * mean + static_cast<W>(1 - t) * base_);
  }

  void karcher() {
    W sum{0};
    for (const auto& model : strip_.models) {
      const auto c = coefficient(model.term);
      sum += c * model.tuned[0];
      note(model, {{"c", c}, {"c*F", c * model.tuned[0]}, {"sum", sum}});
    }
    note("sum", sum);
  }

  void sce() {
    std::array<std::uint64_t, 1> key{};
    sce_keys(strip_, key);
    const bool all = settings_.select_topk >= 1;
    const bool selected = sce_selects(strip_, 0);
    W vote{0};
    for (const auto& model : strip_.models) vote += model.delta[0];
    W sum{0};
    W weights{0};
    for (const auto& model : strip_.models) {
      const auto delta = model.delta[0];
      const auto w = coefficient(model.term);
      const bool elected = vote >= 0 ? delta > 0 : delta < 0;
      if (elected) {
        sum += delta * w;
        weights += w;
      }
      note(model, {{"w", w}, {"elected", elected ? W{1} : W{0}}, {"sum", sum}, {"sum of w", weights}});
    }
    note("variance of deltas", number_of(key[0]));
    if (!all) note("smallest variance selected", number_of(strip_.statistics.selected.key));
    note("selected", selected ? 1 : 0);
    note("elected sign", vote >= 0 ? 1 : -1);
    const auto whole = one_alone(strip_) ? strip_.models[0].delta[0] : sum / std::max(weights, static_cast<W>(1e-6));
    const auto moved = selected ? whole : W{0};
    note("change", moved);
    note("B + change", base_ + moved);
  }

 private:
  [[nodiscard]] const ModelTerm& term(const ModelStrip<W>& model) const { return strip_.term(model); }
  [[nodiscard]] ExplainedModel& of(const ModelStrip<W>& model) { return explanation_.models[model.term]; }
  [[nodiscard]] W coefficient(std::size_t i) const { return static_cast<W>(strip_.coefficients[i]); }
  [[nodiscard]] W averaged(const ModelStrip<W>& model) {
    averaged_values(strip_, model, strip_.spare);
    return strip_.spare[0];
  }
  [[nodiscard]] static double number_of(std::uint64_t key) {
    if constexpr (sizeof(W) == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(key));
    else return std::bit_cast<double>(key);
  }
  void note(const ModelStrip<W>& model, std::initializer_list<std::pair<std::string_view, W>> facts) {
    for (const auto& [name, value] : facts) of(model).facts.push_back({name, static_cast<double>(value)});
  }
  void note(std::string_view name, double value) { explanation_.facts.push_back({name, value}); }

  const Strip<W>& strip_;
  const TensorSettings& settings_;
  Explanation& explanation_;
  W base_;
};

}  // namespace

template <class W>
void explain_combiner(const Strip<W>& strip, Explanation& explanation) {
  if (strip.models.empty()) return;  // the base, whatever the combiner
  Facts<W> facts{strip, explanation};
  if (strip.settings.compat == Compat::mergelm) return facts.mergelm();
  switch (strip.settings.combiner) {
    case Combiner::task_arithmetic:
      return facts.task_arithmetic();
    case Combiner::ties:
      return facts.ties();
    case Combiner::average:
      return facts.average();
    case Combiner::fisher:
      return facts.fisher();
    case Combiner::regmean:
      return facts.regmean();
    case Combiner::slerp:
      return facts.slerp();
    case Combiner::model_stock:
      return facts.model_stock();
    case Combiner::sce:
      return facts.sce();
    case Combiner::nearswap:
      return facts.nearswap();
    case Combiner::karcher:
      return facts.karcher();
  }
}

template void explain_combiner<float>(const Strip<float>&, Explanation&);
template void explain_combiner<double>(const Strip<double>&, Explanation&);

}  // namespace dare::merge
