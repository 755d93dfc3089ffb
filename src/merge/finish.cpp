#include "merge/finish.hpp"

#include "merge/finish_loops.hpp"
#include "merge/rounding.hpp"

#include <dare/random/drop_stream.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace dare::merge {
namespace {

double decoded(Dtype dtype, std::uint64_t bits) {
  std::array<std::byte, 8> bytes;
  std::memcpy(bytes.data(), &bits, bytes.size());
  double value = 0;
  widen<double>(dtype, bytes, std::span{&value, 1});
  return value;
}

// bfloat16 throughout. False where an element needs more care; nothing is counted then.
bool finish_bf16(const Strip<float>& strip, std::span<std::byte> out, Counts& counts) {
  const auto rounded = round_to_bf16(strip, out);
  if (rounded.largest >= 0x7F80U) return false;
  counts.swallowed += rounded.swallowed;
  return true;
}

template <class W>
class Finisher {
 public:
  Finisher(const Strip<W>& strip, std::span<const std::byte> base_bytes, std::span<const bool> bad, Findings& findings)
      : strip_{strip}, settings_{strip.settings}, base_bytes_{base_bytes}, bad_{bad}, findings_{findings} {}

  void draw(FinishScratch& scratch) {
    if (settings_.rounding != Rounding::stochastic || sizeof(W) != 4 || info(settings_.out_dtype).bits != 16) return;
    draws_ = std::span{scratch.draws}.first(strip_.size);
    random::DropStream{settings_.seed, k_rounding_stream, settings_.name}.high_halves(strip_.first, draws_);
  }

  void run(std::span<std::byte> out, Counts& counts) {
    const auto size = info(settings_.out_dtype).bits / 8;
    for (std::size_t i = 0; i < strip_.size; ++i) {
      const auto own = own_bits(i);
      if (strip_.effect[i] == Effect::base) {
        store(out, size, i, own ? *own : checked(encode(settings_.out_dtype, static_cast<double>(strip_.base[i])), strip_.base[i], i));
        continue;
      }
      const auto bits = checked(rounded(i), strip_.result[i], i);
      store(out, size, i, bits);
      if (!settings_.has_base || strip_.effect[i] != Effect::moved) continue;
      if (bits == (own ? *own : encode(settings_.out_dtype, static_cast<double>(strip_.base[i])).bits)) ++counts.swallowed;
    }
  }

 private:
  // The base's bits where it has the output's type.
  [[nodiscard]] std::optional<std::uint64_t> own_bits(std::size_t i) const {
    if (base_bytes_.empty() || settings_.base_dtype != settings_.out_dtype) return std::nullopt;
    std::uint64_t bits = 0;
    const auto size = info(settings_.base_dtype).bits / 8;
    std::memcpy(&bits, base_bytes_.data() + i * size, size);
    return bits;
  }

  [[nodiscard]] Code rounded(std::size_t i) const {
    if constexpr (sizeof(W) == 4) {
      if (!draws_.empty()) return encode_stochastic(settings_.out_dtype, strip_.result[i], draws_[i]);
    }
    return encode(settings_.out_dtype, static_cast<double>(strip_.result[i]));
  }

  // The bits to be written, once it is clear whether the value fits.
  std::uint64_t checked(const Code& code, W value, std::size_t i) {
    // A result that is not finite follows from an input that is not; a finite one may come from the other inputs alone.
    if (std::isfinite(value) ? !code.overflow : bad_[i]) return code.bits;
    const auto wide = static_cast<double>(value);
    if (settings_.overflow == Overflow::error) {
      findings_.note({Finding::Kind::overflow, strip_.first + i, -1, wide});
    } else if (!std::isnan(value)) {
      return saturated(settings_.out_dtype, wide);
    }
    return code.bits;
  }

  const Strip<W>& strip_;
  const TensorSettings& settings_;
  std::span<const std::byte> base_bytes_;
  std::span<const bool> bad_;
  Findings& findings_;
  std::span<std::uint16_t> draws_;
};

}  // namespace

Code encode_stochastic(Dtype to, float value, std::uint16_t draw) noexcept {
  const auto nearest = encode(to, value);
  const auto size = std::abs(static_cast<double>(value));
  if (!std::isfinite(value) || std::abs(decoded(to, nearest.bits)) == size) return nearest;
  // The number next to 0 from here, and the step to the next: equal within a binade, so known from the number below the largest too.
  auto low = std::abs(decoded(to, nearest.bits)) > size ? nearest.bits - 1 : nearest.bits;
  if (nearest.overflow) low = saturated(to, value);
  const auto below = std::abs(decoded(to, low));
  const auto largest = saturated(to, value) == low;
  const auto step = largest ? below - std::abs(decoded(to, low - 1)) : std::abs(decoded(to, low + 1)) - below;
  const auto discarded = (size - below) / step * 65536;
  if (static_cast<double>(draw) >= std::floor(discarded)) return {low, false};
  return largest ? Code{low + 1, true} : Code{low + 1, false};
}

template <class W>
void finish(const Strip<W>& strip, std::span<const std::byte> base_bytes, std::span<const bool> bad, std::span<std::byte> out,
            Counts& counts, Findings& findings, FinishScratch& scratch) {
  if constexpr (sizeof(W) == 4) {
    const auto& settings = strip.settings;
    const bool plain = settings.out_dtype == Dtype::bf16 && settings.base_dtype == Dtype::bf16 && !base_bytes.empty() &&
                       settings.rounding == Rounding::nearest;
    if (plain && finish_bf16(strip, out, counts)) return;
  }
  Finisher<W> finisher{strip, base_bytes, bad, findings};
  finisher.draw(scratch);
  finisher.run(out, counts);
}

template void finish<float>(const Strip<float>&, std::span<const std::byte>, std::span<const bool>, std::span<std::byte>, Counts&,
                            Findings&, FinishScratch&);
template void finish<double>(const Strip<double>&, std::span<const std::byte>, std::span<const bool>, std::span<std::byte>, Counts&,
                             Findings&, FinishScratch&);

}  // namespace dare::merge
