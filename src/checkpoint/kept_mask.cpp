#include "checkpoint/kept_mask.hpp"

#include <algorithm>

namespace dare::checkpoint {
namespace {

constexpr std::uint32_t k_above_every_draw = 0x10000;

}  // namespace

KeptMask::KeptMask(const DeltaMask& mask, std::string_view tensor)
    : stream_{mask.seed, mask.stream, tensor}, threshold_{random::drop_threshold(mask.drop_rate)} {}

std::uint32_t KeptMask::draw(std::uint64_t first, std::size_t n) {
  if (threshold_ == 0) return 0;
  if (threshold_ == random::k_drops_all) return k_above_every_draw;
  const auto draws = std::span{draws_}.first(n);
  stream_.high_halves(first, draws);
  return stream_.settle(first, threshold_, draws);
}

std::uint64_t KeptMask::count(std::uint64_t first, std::uint64_t n) {
  std::uint64_t kept = 0;
  for (std::uint64_t done = 0; done < n; done += k_strip) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(k_strip, n - done));
    const auto limit = draw(first + done, size);
    kept += static_cast<std::uint64_t>(
        std::count_if(draws_.begin(), draws_.begin() + static_cast<std::ptrdiff_t>(size), [&](auto d) { return d >= limit; }));
  }
  return kept;
}

}  // namespace dare::checkpoint
