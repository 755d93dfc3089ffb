#include <dare/merge/measure.hpp>

#include "merge/combiner.hpp"
#include "merge/finish.hpp"
#include "merge/sparsifier.hpp"
#include "merge/strip_loops.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace dare::merge {
namespace {

template <class W>
struct MeasureBuffers {
  StripBuffers<W> strip;
  std::vector<std::array<W, k_strip>> deltas;  // a combiner may change a strip's
  std::array<double, k_strip> undropped;
};

// One model's part: what is kept of it, and how far that is from the whole.
template <class W>
void add_model(const Strip<W>& strip, const ModelStrip<W>& model, Measures& sums) {
  const auto g = static_cast<W>(rescale_factor(strip.statistics, strip.term(model), model.term));
  const auto off = static_cast<double>(g) - 1;
  const auto part = kept_part(strip, model);
  const auto whole = part.whole.total();
  const auto kept = part.kept.total();
  sums.deltas += strip.size;
  sums.kept += part.count;
  sums.delta += whole;
  sums.error += model.own_factors ? part.error.total() : off * off * kept + (whole - kept);
}

// How the merged change compares with the undropped one.
template <class W>
void add_changes(const Strip<W>& strip, std::span<const double> undropped, Measures& sums) {
  const auto of = change_sums(strip, undropped);
  sums.product += of.product.total();
  sums.merged += of.merged.total();
  sums.undropped += of.undropped.total();
}

}  // namespace

void Measures::add(const Measures& other) noexcept {
  deltas += other.deltas;
  kept += other.kept;
  conflicts += other.conflicts;
  counts.merged += other.counts.merged;
  counts.swallowed += other.counts.swallowed;
  delta += other.delta;
  error += other.error;
  product += other.product;
  merged += other.merged;
  undropped += other.undropped;
}

struct TensorMeasurer::Scratch {
  MeasureBuffers<float> narrow;
  MeasureBuffers<double> wide;
  SparsifierScratch sparsifier;
  FinishScratch finish;
  std::array<bool, k_strip> bad;
  std::array<std::byte, k_strip * sizeof(double)> out;

  template <class W>
  MeasureBuffers<W>& buffers() {
    if constexpr (sizeof(W) == 4) return narrow;
    else return wide;
  }
};

void TensorMeasurer::ScratchDeleter::operator()(Scratch* scratch) const noexcept {
  delete scratch;
}
TensorMeasurer::ScratchPtr TensorMeasurer::make_scratch() {
  return ScratchPtr{new Scratch};
}

bool TensorMeasurer::can_measure(const TensorSettings& settings) noexcept {
  return !needs_whole_tensor(settings) && settings.combiner != Combiner::fisher &&
         !(settings.combiner == Combiner::model_stock && settings.filter_wise);
}

TensorMeasurer::TensorMeasurer(TensorSettings settings, TensorStatistics statistics)
    : settings_{std::move(settings)}, undropped_{settings_}, statistics_{std::move(statistics)} {
  statistics_.models.resize(settings_.models.size());
  undropped_.sparsifier = Sparsifier::none;
  for (auto& term : undropped_.models) {
    term.rate = Rate::from_drop(0);
    term.rescale = Rescale::none;
  }
}

// The whole of the models first, then what the sparsifier leaves of them: both by the method's own combiner.
template <class W>
std::optional<Finding> TensorMeasurer::measure_in(const Run& run, std::span<Measures> blocks, Scratch& scratch) const {
  auto& buffers = scratch.buffers<W>();
  if (buffers.deltas.size() < settings_.models.size()) buffers.deltas.resize(settings_.models.size());
  scratch.sparsifier.forget_rows();
  const auto& combiner = row_of(settings_);
  const auto out_size = info(settings_.out_dtype).bits / 8;
  StripReader<W> reader{settings_, statistics_, run, buffers.strip};
  while (reader.next()) {
    auto& strip = reader.strip();
    auto& sums = blocks[strip.first / k_sum_block - run.wanted.first / k_sum_block];
    Findings findings{settings_};
    const auto bad = std::span{scratch.bad}.first(strip.size);
    std::fill(bad.begin(), bad.end(), false);
    findings.check_input<W>(strip.base, strip.first, -1, bad);
    for (const auto& model : strip.models) {
      findings.check_input<W>(strip.term(model).source == Source::delta ? model.delta : model.tuned, strip.first,
                              static_cast<int>(model.term), bad);
      std::copy(model.delta.begin(), model.delta.end(), buffers.deltas[model.term].begin());
    }
    const Strip<W> whole{undropped_,   strip.statistics, strip.first,  strip.size,  strip.base,
                         strip.models, strip.result,     strip.effect, strip.spare, strip.coefficients};
    for (auto& model : strip.models) {
      model.kept = Kept::all;
      model.own_factors = false;
    }
    combiner.template combine<W>()(whole);
    changes(whole, buffers.undropped);
    for (auto& model : strip.models) {
      std::copy_n(buffers.deltas[model.term].begin(), strip.size, model.delta.begin());
      sparsify(strip, run, model, scratch.sparsifier);
      add_model(strip, model, sums);
    }
    sums.conflicts += count_conflicts(strip);
    combiner.template combine<W>()(strip);
    add_changes<W>(strip, buffers.undropped, sums);
    finish<W>(strip, reader.base_bytes(), bad, std::span{scratch.out}.first(strip.size * out_size), sums.counts, findings, scratch.finish);
    if (findings.lowest()) return findings.lowest();
    sums.counts.merged += strip.size;
  }
  return std::nullopt;
}

std::optional<Finding> TensorMeasurer::measure(const Run& run, std::span<Measures> blocks, Scratch& scratch) const {
  return works_in_float64(settings_) ? measure_in<double>(run, blocks, scratch) : measure_in<float>(run, blocks, scratch);
}

}  // namespace dare::merge
