#include <dare/merge/deltas.hpp>

#include "merge/strip.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <array>
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

}  // namespace

bool has_delta(const TensorSettings& settings, const Run& run, std::size_t term) {
  return works_in_float64(settings) ? any_delta<double>(settings, run, term, false) : any_delta<float>(settings, run, term, false);
}

bool has_kept_delta(const TensorSettings& settings, const Run& run, std::size_t term) {
  return works_in_float64(settings) ? any_delta<double>(settings, run, term, true) : any_delta<float>(settings, run, term, true);
}

}  // namespace dare::merge
