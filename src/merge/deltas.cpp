#include <dare/merge/deltas.hpp>

#include "merge/strip.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

namespace dare::merge {
namespace {

// Of one model, strip by strip.
template <class W>
class DeltaSearch {
 public:
  DeltaSearch(const TensorSettings& settings, const Run& run, std::size_t term) : settings_{settings}, run_{run}, term_{term} {}

  // Elements that DARE drops do not count.
  void leave_out_dropped() {
    const auto& model = settings_.models[term_];
    stream_.emplace(settings_.seed, model.stream, settings_.name);
    threshold_ = random::drop_threshold(model.rate.drop);
    draws_.resize(random::DropStream::room_for(k_strip));
  }

  [[nodiscard]] bool any() {
    if (stream_ && threshold_ == random::k_drops_all) return false;
    const auto there = clipped(run_.wanted, settings_.models[term_].elements);
    for (auto first = there.first; first < there.end(); first += k_strip) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(k_strip, there.end() - first));
      if (!same_bits(first, n) && any_in(first, n)) return true;
    }
    return false;
  }

 private:
  [[nodiscard]] bool same_bits(std::uint64_t first, std::size_t n) const {
    const auto& model = settings_.models[term_];
    if (model.source == Source::delta || model.dtype != settings_.base_dtype || first + n > settings_.base_elements) return false;
    const auto base = part_of(run_, run_.base, settings_.base_dtype, first, n);
    return std::memcmp(base.data(), part_of(run_, run_.models[term_], model.dtype, first, n).data(), base.size()) == 0;
  }

  [[nodiscard]] bool any_in(std::uint64_t first, std::size_t n) {
    const auto base = std::span{base_}.first(n);
    const auto delta = std::span{delta_}.first(n);
    load_base<W>(settings_, run_, first, base);
    load_model<W>(settings_, run_, term_, first, std::span<const W>{base}, std::span{tuned_}.first(n), delta);
    if (!stream_) return std::any_of(delta.begin(), delta.end(), [](W d) { return d != 0; });
    const auto settled = stream_->settled(first, n, threshold_, draws_);
    for (std::size_t i = 0; i < n; ++i) {
      if (delta[i] != 0 && settled.draws[i] >= settled.limit) return true;
    }
    return false;
  }

  const TensorSettings& settings_;
  const Run& run_;
  std::size_t term_;
  std::optional<random::DropStream> stream_;
  std::uint64_t threshold_ = 0;
  std::vector<std::uint16_t> draws_;
  std::array<W, k_strip> base_, tuned_, delta_;
};

template <class W>
bool any_delta(const TensorSettings& settings, const Run& run, std::size_t term, bool kept_alone) {
  DeltaSearch<W> search{settings, run, term};
  if (kept_alone) search.leave_out_dropped();
  return search.any();
}

template <class W>
Likeness likeness_in(const TensorSettings& settings, const Run& run, std::size_t term) {
  const auto there = clipped(clipped(run.wanted, settings.models[term].elements), settings.base_elements);
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(k_strip, there.elements));
  std::array<W, k_strip> base_room;
  std::array<W, k_strip> tuned_room;
  const auto base = std::span{base_room}.first(n);
  const auto tuned = std::span{tuned_room}.first(n);
  load_base<W>(settings, run, there.first, base);
  load_model<W>(settings, run, term, there.first, std::span<const W>{base}, tuned, std::span<W>{});
  Likeness sums;
  sums.elements = n;
  for (std::size_t i = 0; i < n; ++i) sums.add({0, double{base[i]} * base[i], double{tuned[i]} * tuned[i], double{base[i]} * tuned[i]});
  return std::isfinite(sums.base_squares) && std::isfinite(sums.model_squares) && std::isfinite(sums.products) ? sums : Likeness{};
}

}  // namespace

void Likeness::add(const Likeness& other) noexcept {
  elements += other.elements;
  base_squares += other.base_squares;
  model_squares += other.model_squares;
  products += other.products;
}

std::optional<double> Likeness::cosine() const noexcept {
  if (base_squares == 0 || model_squares == 0) return std::nullopt;
  return products / (std::sqrt(base_squares) * std::sqrt(model_squares));
}

Likeness likeness(const TensorSettings& settings, const Run& run, std::size_t term) {
  return works_in_float64(settings) ? likeness_in<double>(settings, run, term) : likeness_in<float>(settings, run, term);
}

bool has_delta(const TensorSettings& settings, const Run& run, std::size_t term) {
  return works_in_float64(settings) ? any_delta<double>(settings, run, term, false) : any_delta<float>(settings, run, term, false);
}

bool has_kept_delta(const TensorSettings& settings, const Run& run, std::size_t term) {
  return works_in_float64(settings) ? any_delta<double>(settings, run, term, true) : any_delta<float>(settings, run, term, true);
}

}  // namespace dare::merge
