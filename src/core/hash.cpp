#include <dare/core/hash.hpp>

#include <fmt/format.h>
#ifdef DARE_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <iterator>
#include <new>

namespace dare {
namespace {

Hash128 canonical(XXH128_hash_t hash) noexcept {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  Hash128 result;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<std::byte>(bytes.digest[i]);
  return result;
}

}  // namespace

std::uint64_t hash64(std::span<const std::byte> data) noexcept {
  return XXH3_64bits(data.data(), data.size());
}

Hash128 hash128(std::span<const std::byte> data) noexcept {
  return canonical(XXH3_128bits(data.data(), data.size()));
}

std::string to_hex(const Hash128& hash) {
  std::string text;
  text.reserve(2 * hash.size());
  for (const auto byte : hash) fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned>(byte));
  return text;
}

std::string hash_hex(std::span<const std::byte> data) {
  return to_hex(hash128(data));
}

std::string hash_hex(std::string_view text) {
  return hash_hex(std::as_bytes(std::span{text}));
}

struct Hasher128::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() {
    if (xxh == nullptr) throw std::bad_alloc{};
  }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Hasher128::Hasher128() : state_{std::make_unique<State>()} {
  reset();
}
Hasher128::~Hasher128() = default;
Hasher128::Hasher128(Hasher128&&) noexcept = default;
Hasher128& Hasher128::operator=(Hasher128&&) noexcept = default;

void Hasher128::reset() {
  XXH3_128bits_reset(state_->xxh);
}
void Hasher128::update(std::span<const std::byte> data) {
  XXH3_128bits_update(state_->xxh, data.data(), data.size());
}
Hash128 Hasher128::digest() const {
  return canonical(XXH3_128bits_digest(state_->xxh));
}

}  // namespace dare
