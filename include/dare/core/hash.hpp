#pragma once
/// XXH3, the project's only hash (xxHash library).

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dare {

/// XXH3-128 as canonical big-endian bytes.
using Hash128 = std::array<std::byte, 16>;

/// XXH3-64 with seed 0.
[[nodiscard]] std::uint64_t hash64(std::span<const std::byte> data) noexcept;
/// XXH3-128 with seed 0.
[[nodiscard]] Hash128 hash128(std::span<const std::byte> data) noexcept;
/// 32 lower-case hexadecimal digits.
[[nodiscard]] std::string to_hex(const Hash128& hash);
/// XXH3-128 of data or of a text's bytes, as digits.
[[nodiscard]] std::string hash_hex(std::span<const std::byte> data);
[[nodiscard]] std::string hash_hex(std::string_view text);

/// Whether hashing uses the instructions that this processor has, and not only those that the library was compiled for.
[[nodiscard]] bool hashes_by_processor() noexcept;

/// XXH3-128 of data that arrives in pieces: the same value as hash128 of all of it.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;
  void reset();
  void update(std::span<const std::byte> data);
  [[nodiscard]] Hash128 digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dare
