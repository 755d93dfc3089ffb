#include "merge/explain.hpp"

#include "merge/combiner.hpp"
#include "merge/convert.hpp"
#include "merge/explain_combiner.hpp"
#include "merge/rounding.hpp"
#include "merge/sparsifier.hpp"

#include <dare/merge/tensor_merger.hpp>
#include <dare/random/drop_stream.hpp>

#include <array>
#include <cassert>
#include <cstring>

namespace dare::merge {
namespace {

StoredElement stored(Dtype dtype, std::span<const std::byte> bytes) {
  StoredElement element{dtype, 0, 0};
  std::memcpy(&element.bits, bytes.data(), info(dtype).bits / 8);
  widen<double>(dtype, bytes.first(info(dtype).bits / 8), std::span{&element.value, 1});
  return element;
}

std::optional<Draw> draw_of(const TensorSettings& settings, const ModelTerm& term, std::uint64_t element, double rate) {
  Draw draw{0, random::drop_threshold(rate), rate, std::nullopt};
  if (settings.compat == Compat::mergelm) {
    Mt19937Stream stream;
    stream.seek(settings.seed, term.first_draw + element);
    draw.uniform = stream.uniform();
    draw.u = static_cast<std::uint32_t>(*draw.uniform * 0x1p24F);
  } else {
    draw.u = random::DropStream{settings.seed, term.stream, settings.name}.uniform(element);
  }
  return draw;
}

// A model's part, as the sparsifier left it.
template <class W>
ExplainedModel explain_model(const Strip<W>& strip, const ModelStrip<W>& model, const SparsifierScratch& scratch, const Run& run) {
  const auto& settings = strip.settings;
  const auto& term = strip.term(model);
  ExplainedModel part;
  if (term.source == Source::tuned) part.stored = stored(term.dtype, part_of(run, run.models[model.term], term.dtype, strip.first, 1));
  part.tuned = static_cast<double>(model.tuned[0]);
  part.delta = static_cast<double>(model.delta[0]);
  part.kept = model.keeps(0);
  part.rescale = model.own_factors ? model.factors[0] : rescale_factor(strip.statistics, term, model.term);
  if (!model.weights.empty()) part.auxiliary = stored(term.auxiliary, model.weights);
  switch (settings.sparsifier) {
    case Sparsifier::none:
      break;
    case Sparsifier::dare:
      part.draw = draw_of(settings, term, strip.first, term.rate.drop);
      break;
    case Sparsifier::della: {
      const auto& row = scratch.rows[model.term];
      part.draw = draw_of(settings, term, strip.first, row.of(settings, term, strip.first).rate);
      break;
    }
    case Sparsifier::magnitude:
    case Sparsifier::breadcrumbs:
      part.cuts = strip.statistics.models[model.term];
      break;
  }
  return part;
}

// The parts of the element; its output is not known yet.
template <class W>
Explanation explain_parts(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run) {
  Explanation explanation;
  explanation.wide = sizeof(W) == 8;
  explanation.models.resize(settings.models.size());
  for (auto& model : explanation.models) model.present = false;

  StripBuffers<W> buffers;
  SparsifierScratch scratch;
  StripReader<W> reader{settings, statistics, run, buffers};
  reader.next();
  auto& strip = reader.strip();
  if (!reader.base_bytes().empty()) explanation.base = stored(settings.base_dtype, reader.base_bytes());
  explanation.base_value = static_cast<double>(strip.base[0]);
  for (auto& model : strip.models) {
    sparsify(strip, run, model, scratch);
    explanation.models[model.term] = explain_model(strip, model, scratch, run);
  }
  std::vector<double> of_row;
  StripBuffers<W> row_buffers;
  if (settings.combiner == Combiner::model_stock && settings.filter_wise) {
    of_row = coefficients_of_row<W>(settings, statistics, run, strip.first / settings.row * settings.row, row_buffers);
    strip.coefficients = of_row;
  }
  explain_combiner(strip, explanation);
  if (needs_whole_tensor(settings)) return explanation;
  row_of(settings).template combine<W>()(strip);
  explanation.origin = strip.effect[0] == Effect::base ? Origin::base : Origin::computed;
  explanation.result = explanation.origin == Origin::base ? explanation.base_value : static_cast<double>(strip.result[0]);
  return explanation;
}

std::optional<Finding> merge_one(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run,
                                 std::span<std::byte> out) {
  Counts counts;
  const auto scratch = TensorMerger::make_scratch();
  return TensorMerger{settings, statistics}.merge(run, out.first(info(settings.out_dtype).bits / 8), counts, *scratch);
}

}  // namespace

Explanation explain(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run) {
  assert(run.wanted.elements == 1);
  auto complete = statistics;  // as TensorMerger does: a term without statistics has the neutral ones
  complete.models.resize(settings.models.size());
  auto explanation =
      works_in_float64(settings) ? explain_parts<double>(settings, complete, run) : explain_parts<float>(settings, complete, run);
  std::array<std::byte, 8> bytes{};
  if (needs_whole_tensor(settings)) {
    // The solver's value, which float64 holds whatever the working type is.
    auto exact = settings;
    exact.out_dtype = Dtype::f64;
    exact.rounding = Rounding::nearest;
    if (!merge_one(exact, complete, run, bytes)) explanation.result = stored(Dtype::f64, bytes).value;
  }
  if (settings.rounding == Rounding::stochastic && !explanation.wide && info(settings.out_dtype).bits == 16) {
    std::uint16_t draw = 0;
    random::DropStream{settings.seed, k_rounding_stream, settings.name}.high_halves(run.wanted.first, {&draw, 1});
    explanation.rounding_draw = draw;
  }
  explanation.finding = merge_one(settings, complete, run, bytes);
  if (!explanation.finding) explanation.output = stored(settings.out_dtype, bytes);
  return explanation;
}

}  // namespace dare::merge
