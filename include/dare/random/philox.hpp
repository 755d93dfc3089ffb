#pragma once
/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) as a function and as an engine for Boost.Random.

#include <array>
#include <cstdint>
#include <istream>
#include <limits>
#include <ostream>
#include <type_traits>

namespace dare::random {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Ten rounds: four words that depend on counter and key alone.
[[nodiscard]] constexpr PhiloxCounter philox4x32_10(PhiloxCounter counter, PhiloxKey key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const auto a = std::uint64_t{0xD2511F53} * counter[0];
    const auto b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32U) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32U) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// The words of counters 0, 1, 2, ... (the low half of the counter; the high half is the caller's) as a pseudo-random engine.
class Philox {
 public:
  using result_type = std::uint32_t;
  static constexpr bool has_fixed_range = false;

  explicit Philox(std::uint64_t key = 0, std::uint64_t high = 0) noexcept : key_{key}, high_{high} {}
  /// Key and high half from a seed sequence.
  template <class Sequence>
  requires requires(Sequence& sequence, std::uint32_t* words) {
    sequence.generate(words, words);
  } &&(!std::is_same_v<Sequence, Philox>)explicit Philox(Sequence& sequence) {
    std::array<std::uint32_t, 4> words{};
    sequence.generate(words.begin(), words.end());
    key_ = (std::uint64_t{words[1]} << 32U) | words[0];
    high_ = (std::uint64_t{words[3]} << 32U) | words[2];
  }
  [[nodiscard]] static constexpr result_type min() noexcept { return 0; }
  [[nodiscard]] static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }
  void seed(std::uint64_t key = 0) noexcept { *this = Philox{key, high_}; }
  template <class Sequence>
  requires std::is_constructible_v<Philox, Sequence&> &&(!std::is_arithmetic_v<Sequence>)void seed(Sequence& sequence) {
    *this = Philox{sequence};
  }

  result_type operator()() noexcept {
    const auto word = position_ & 3U;
    if (word == 0 || !filled_) refill();
    ++position_;
    return words_[word];
  }
  /// Skips `n` words in constant time.
  void discard(std::uint64_t n) noexcept {
    position_ += n;
    filled_ = false;
  }
  template <class Iterator>
  void generate(Iterator first, Iterator last) {
    for (; first != last; ++first) *first = (*this)();
  }

  friend bool operator==(const Philox& a, const Philox& b) noexcept {
    return a.key_ == b.key_ && a.high_ == b.high_ && a.position_ == b.position_;
  }
  friend std::ostream& operator<<(std::ostream& out, const Philox& engine) {
    return out << engine.key_ << ' ' << engine.high_ << ' ' << engine.position_;
  }
  friend std::istream& operator>>(std::istream& in, Philox& engine) {
    engine.filled_ = false;
    return in >> engine.key_ >> std::ws >> engine.high_ >> std::ws >> engine.position_;
  }

 private:
  void refill() noexcept {
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    const auto up = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); };
    const auto block = position_ >> 2U;
    words_ = philox4x32_10({low(block), up(block), low(high_), up(high_)}, {low(key_), up(key_)});
    filled_ = true;
  }

  std::uint64_t key_ = 0;
  std::uint64_t high_ = 0;
  std::uint64_t position_ = 0;  // in words
  PhiloxCounter words_{};
  bool filled_ = false;
};

}  // namespace dare::random
