#include <dare/merge/tensor_merger.hpp>

#include "merge/combiner.hpp"
#include "merge/finish.hpp"
#include "merge/fused.hpp"
#include "merge/regmean.hpp"
#include "merge/sparsifier.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

namespace dare::merge {

struct TensorMerger::Scratch {
  StripBuffers<float> narrow;
  StripBuffers<double> wide;
  StripBuffers<float> narrow_row;  // of a row that is looked at before a strip in it is merged
  StripBuffers<double> wide_row;
  FusedRoom fused;
  SparsifierScratch sparsifier;
  FinishScratch finish;
  std::array<bool, k_strip> bad;        // an input of this element is not finite
  std::array<double, k_strip> weights;  // fisher, widened for the check
  std::uint64_t row = k_all_elements;   // that row_coefficients are of
  std::vector<double> row_coefficients;

  template <class W>
  StripBuffers<W>& buffers() {
    if constexpr (sizeof(W) == 4) return narrow;
    else return wide;
  }
  template <class W>
  StripBuffers<W>& row_buffers() {
    if constexpr (sizeof(W) == 4) return narrow_row;
    else return wide_row;
  }
};

void TensorMerger::ScratchDeleter::operator()(Scratch* scratch) const noexcept {
  delete scratch;
}
TensorMerger::ScratchPtr TensorMerger::make_scratch(bool shares_draws) {
  ScratchPtr scratch{new Scratch};
  if (shares_draws) scratch->fused.shared.emplace();
  return scratch;
}

TensorMerger::TensorMerger(TensorSettings settings, TensorStatistics statistics)
    : settings_{std::move(settings)}, statistics_{std::move(statistics)} {
  statistics_.models.resize(settings_.models.size());
}

namespace {

// Every input element, dropped or not.
template <class W>
void check_inputs(const Strip<W>& strip, Findings& findings, std::span<bool> bad, std::span<double> weights) {
  std::fill(bad.begin(), bad.end(), false);
  findings.check_input<W>(strip.base, strip.first, -1, bad);
  for (const auto& model : strip.models) {
    const auto& term = strip.term(model);
    const auto position = static_cast<int>(model.term);
    findings.check_input<W>(term.source == Source::delta ? model.delta : model.tuned, strip.first, position, bad);
    if (model.weights.empty()) continue;
    widen<double>(term.auxiliary, model.weights, weights);
    findings.check_input<double>(weights, strip.first, position, bad, true);
  }
}

}  // namespace

template <class W>
std::optional<Finding> TensorMerger::merge_in(const Run& run, std::span<std::byte> out, Counts& counts, Scratch& scratch) const {
  auto& buffers = scratch.buffers<W>();
  scratch.sparsifier.forget_rows();
  scratch.row = k_all_elements;
  const bool filter_wise = settings_.combiner == Combiner::model_stock && settings_.filter_wise;
  RegmeanResult whole;
  if (needs_whole_tensor(settings_)) whole = regmean<W>(settings_, statistics_, run, buffers, scratch.sparsifier);
  const auto out_size = info(settings_.out_dtype).bits / 8;

  StripReader<W> reader{settings_, statistics_, run, buffers};
  while (reader.next()) {
    auto& strip = reader.strip();
    Findings findings{settings_};
    const auto bad = std::span{scratch.bad}.first(strip.size);
    check_inputs(strip, findings, bad, std::span{scratch.weights}.first(strip.size));
    if (needs_whole_tensor(settings_)) {
      mark_effect(strip);
      if (!whole.finding)
        std::transform(whole.values.data() + strip.first, whole.values.data() + strip.first + strip.size, strip.result.begin(),
                       [](double x) { return static_cast<W>(x); });
    } else {
      if (const auto row = strip.first / settings_.row * settings_.row; filter_wise && row != scratch.row) {
        scratch.row_coefficients = coefficients_of_row<W>(settings_, statistics_, run, row, scratch.row_buffers<W>());
        scratch.row = row;
      }
      if (filter_wise) strip.coefficients = scratch.row_coefficients;
      for (auto& model : strip.models) sparsify(strip, run, model, scratch.sparsifier);
      row_of(settings_).template combine<W>()(strip);
    }
    if (!whole.finding) {
      const auto part = out.subspan((strip.first - run.wanted.first) * out_size, strip.size * out_size);
      finish<W>(strip, reader.base_bytes(), bad, part, counts, findings, scratch.finish);
    }
    if (findings.lowest()) return findings.lowest();
    counts.merged += strip.size;
  }
  return whole.finding;
}

std::optional<Finding> TensorMerger::merge_plain(const Run& run, std::span<std::byte> out, Counts& counts, Scratch& scratch) const {
  assert(run.models.size() == settings_.models.size());
  return works_in_float64(settings_) ? merge_in<double>(run, out, counts, scratch) : merge_in<float>(run, out, counts, scratch);
}

std::optional<Finding> TensorMerger::merge(const Run& run, std::span<std::byte> out, Counts& counts, Scratch& scratch) const {
  if (plain_only_ || !fused_applies(settings_)) return merge_plain(run, out, counts, scratch);
  FusedMerge fused{settings_, scratch.fused};
  std::vector<std::span<const std::byte>> models(run.models.size());
  const auto n = run.wanted.elements;
  for (std::uint64_t at = 0; at < n;) {
    const auto rest = part_of_run(settings_, run, {run.wanted.first + at, n - at}, models);
    const auto rest_out = out.subspan(at * info(settings_.out_dtype).bits / 8);
    at += fused.run(rest.wanted.first, rest.base, rest.models, rest_out, counts);
    // What the kernels leave is a strip with a value that needs looking at.
    const auto left = std::min<std::uint64_t>(n - at, FusedMerge::k_strip);
    if (left == 0) break;
    const auto careful = part_of_run(settings_, run, {run.wanted.first + at, left}, models);
    const auto size = info(settings_.out_dtype).bits / 8;
    if (const auto finding = merge_plain(careful, out.subspan(at * size, left * size), counts, scratch)) return finding;
    at += left;
  }
  return std::nullopt;
}

std::optional<Finding> TensorMerger::merge(std::uint64_t first, std::span<const std::byte> base,
                                           std::span<const std::span<const std::byte>> models, std::span<std::byte> out, Counts& counts,
                                           Scratch& scratch) const {
  const Extent wanted{first, out.size() / (info(settings_.out_dtype).bits / 8)};
  return merge(Run{wanted, wanted, base, models, {}}, out, counts, scratch);
}

}  // namespace dare::merge
