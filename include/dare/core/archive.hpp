#pragma once
/// Plain values to bytes and back, for handing them from rank 0 to the others. Not a file format: same program, same machine type.

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace dare {

class OutArchive;
class InArchive;

/// A type joins by a member `template <class A> void archive(A& a) { a(first_, second_, ...); }`.
class OutArchive {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_trivially_copyable_v<T> && !requires(T & t, OutArchive & a) { t.archive(a); }) {
      const auto raw = std::as_bytes(std::span{&value, 1});
      bytes_.insert(bytes_.end(), raw.begin(), raw.end());
    } else {
      const_cast<T&>(value).archive(*this);  // one member serves both directions
    }
  }
  void put(const std::string& text) {
    put(text.size());
    const auto raw = std::as_bytes(std::span{text});
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  void put(const std::filesystem::path& path) { put(path.native()); }
  template <class T>
  void put(const std::vector<T>& values) {
    put(values.size());
    for (const auto& value : values) put(value);
  }
  void put(const std::vector<bool>& values) = delete;
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class K, class V>
  void put(const std::map<K, V>& values) {
    put(values.size());
    for (const auto& [key, value] : values) {
      put(key);
      put(value);
    }
  }

  std::vector<std::byte> bytes_;
};

/// The bytes end before what is read of them.
struct ArchiveError : std::runtime_error {
  ArchiveError() : std::runtime_error{"the archive ends too early: it is of other types"} {}
};

/// Reads in the order in which OutArchive wrote, in one that was given the same types; of other bytes it never reads beyond their end.
/// @throws ArchiveError
class InArchive {
 public:
  explicit InArchive(std::span<const std::byte> bytes) : rest_{bytes} {}
  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

 private:
  template <class T>
  void get(T& value) {
    if constexpr (std::is_trivially_copyable_v<T> && !requires(T & t, InArchive & a) { t.archive(a); }) {
      std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    } else {
      value.archive(*this);
    }
  }
  void get(std::string& text) {
    const auto raw = take(get_size());
    text.assign(reinterpret_cast<const char*>(raw.data()), raw.size());
  }
  void get(std::filesystem::path& path) {
    std::string text;
    get(text);
    path = text;
  }
  template <class T>
  void get(std::vector<T>& values) {
    values.resize(get_size());
    for (auto& value : values) get(value);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    value.reset();
    if (present) get(value.emplace());
  }
  template <class K, class V>
  void get(std::map<K, V>& values) {
    values.clear();
    for (auto n = get_size(); n > 0; --n) {
      K key;
      get(key);
      get(values[std::move(key)]);
    }
  }
  std::size_t get_size() {
    std::size_t size = 0;
    get(size);
    if (size > rest_.size()) throw ArchiveError{};  // no value takes less than a byte
    return size;
  }
  std::span<const std::byte> take(std::size_t n) {
    if (n > rest_.size()) throw ArchiveError{};
    const auto head = rest_.first(n);
    rest_ = rest_.subspan(n);
    return head;
  }

  std::span<const std::byte> rest_;
};

}  // namespace dare
