#include "merge/strip.hpp"

#include "merge/convert.hpp"

#include <algorithm>

namespace dare::merge {
namespace {

template <class W>
constexpr Dtype k_working_dtype = sizeof(W) == 4 ? Dtype::f32 : Dtype::f64;

// The type of a model's bytes.
template <class W>
Dtype stored_dtype(const ModelTerm& term) {
  return term.source == Source::delta ? k_working_dtype<W> : term.dtype;
}

}  // namespace

std::span<const std::byte> part_of(const Run& run, std::span<const std::byte> bytes, Dtype dtype, std::uint64_t first,
                                   std::uint64_t n) noexcept {
  if (n == 0) return {};
  const auto size = info(dtype).bits / 8;
  return bytes.subspan((first - run.read.first) * size, n * size);
}

Run part_of_run(const TensorSettings& settings, const Run& run, Extent wanted, std::vector<std::span<const std::byte>>& models) {
  const auto cut = [&](std::span<const std::byte> bytes, Dtype dtype, std::uint64_t held) {
    return part_of(run, bytes, dtype, wanted.first, clipped(wanted, held).elements);
  };
  for (std::size_t k = 0; k < models.size(); ++k) models[k] = cut(run.models[k], settings.models[k].dtype, settings.models[k].elements);
  return {wanted, wanted, cut(run.base, settings.base_dtype, settings.base_elements), models, {}};
}

template <class W>
void load_base(const TensorSettings& settings, const Run& run, std::uint64_t first, std::span<W> base) {
  const auto there = settings.has_base ? clipped({first, base.size()}, settings.base_elements).elements : 0;
  if (there != 0) widen<W>(settings.base_dtype, part_of(run, run.base, settings.base_dtype, first, there), base.first(there));
  std::fill(base.begin() + static_cast<std::ptrdiff_t>(there), base.end(), W{0});
}

template <class W>
void load_model(const TensorSettings& settings, const Run& run, std::size_t term, std::uint64_t first, std::span<const W> base,
                std::span<W> tuned, std::span<W> delta) {
  const auto& model = settings.models[term];
  const auto dtype = stored_dtype<W>(model);
  const auto bytes = part_of(run, run.models[term], dtype, first, base.size());
  if (model.source == Source::delta) {
    widen<W>(dtype, bytes, delta);
    for (std::size_t i = 0; i < tuned.size(); ++i) tuned[i] = base[i] + delta[i];
  } else {
    widen<W>(dtype, bytes, tuned);
    for (std::size_t i = 0; i < delta.size(); ++i) delta[i] = tuned[i] - base[i];
  }
}

template <class W>
StripReader<W>::StripReader(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run, StripBuffers<W>& buffers)
    : run_{run}, buffers_{buffers}, strip_{settings, statistics, run.wanted.first, 0, {}, {}, {}, {}, {}, statistics.coefficients} {
  if (buffers_.models.size() < settings.models.size()) buffers_.models.resize(settings.models.size());
}

template <class W>
std::uint64_t StripReader<W>::end_of_strip(std::uint64_t first) const noexcept {
  const auto& settings = strip_.settings;
  auto end = std::min(run_.wanted.end(), (first / k_strip + 1) * k_strip);
  if (needs_rows(settings)) end = std::min(end, (first / settings.row + 1) * settings.row);
  const auto cut_at = [&](std::uint64_t edge) {
    if (edge > first) end = std::min(end, edge);
  };
  if (settings.has_base) cut_at(settings.base_elements);
  for (const auto& term : settings.models) cut_at(term.elements);
  return end;
}

template <class W>
bool StripReader<W>::next() {
  const auto first = strip_.first + strip_.size;
  if (first >= run_.wanted.end()) return false;
  const auto n = static_cast<std::size_t>(end_of_strip(first) - first);
  strip_.first = first;
  strip_.size = n;
  strip_.base = std::span{buffers_.base}.first(n);
  strip_.result = std::span{buffers_.result}.first(n);
  strip_.spare = std::span{buffers_.spare}.first(n);
  strip_.effect = std::span{buffers_.effect}.first(n);
  load_base();
  load_models();
  return true;
}

template <class W>
void StripReader<W>::load_base() {
  const auto& settings = strip_.settings;
  merge::load_base<W>(settings, run_, strip_.first, strip_.base);
  const bool there = settings.has_base && strip_.first < settings.base_elements;
  base_bytes_ = there ? part_of(run_, run_.base, settings.base_dtype, strip_.first, strip_.size) : std::span<const std::byte>{};
}

template <class W>
void StripReader<W>::load_models() {
  const auto& settings = strip_.settings;
  buffers_.strips.clear();
  for (std::size_t k = 0; k < settings.models.size(); ++k) {
    if (strip_.first >= settings.models[k].elements) continue;
    auto& own = buffers_.models[k];
    ModelStrip<W> model;
    model.term = k;
    model.tuned = std::span{own.tuned}.first(strip_.size);
    model.delta = std::span{own.delta}.first(strip_.size);
    model.mask = std::span{own.mask}.first(strip_.size);
    model.factors = std::span{own.factors}.first(strip_.size);
    load_model<W>(settings, run_, k, strip_.first, strip_.base, model.tuned, model.delta);
    if (settings.combiner == Combiner::fisher && !run_.auxiliary.empty())
      model.weights = part_of(run_, run_.auxiliary[k], settings.models[k].auxiliary, strip_.first, strip_.size);
    buffers_.strips.push_back(model);
  }
  strip_.models = buffers_.strips;
}

template class StripReader<float>;
template class StripReader<double>;
template void load_base<float>(const TensorSettings&, const Run&, std::uint64_t, std::span<float>);
template void load_base<double>(const TensorSettings&, const Run&, std::uint64_t, std::span<double>);
template void load_model<float>(const TensorSettings&, const Run&, std::size_t, std::uint64_t, std::span<const float>, std::span<float>,
                                std::span<float>);
template void load_model<double>(const TensorSettings&, const Run&, std::size_t, std::uint64_t, std::span<const double>, std::span<double>,
                                 std::span<double>);

}  // namespace dare::merge
