#pragma once
/// MPI behind values and exceptions. No MPI type is in this header but those that communicators and requests own.

#include <dare/core/archive.hpp>
#include <dare/core/error.hpp>

#include <mpi.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace dare::comm {

/// An error that every rank of a communicator throws at the same place with the same text, so that all can end together.
class AgreedError : public Error {
 public:
  using Error::Error;
};

/// A non-blocking operation under way. The buffers given to it must live, unmoved, until wait() or a true test().
class Request {
 public:
  Request() = default;
  enum class Kind : std::uint8_t { receive, send, collective };
  Request(MPI_Request request, Kind kind) : request_{request}, kind_{kind} {}
  Request(Request&& other) noexcept : request_{std::exchange(other.request_, MPI_REQUEST_NULL)}, kind_{other.kind_} {}
  Request& operator=(Request&& other) noexcept {
    std::swap(request_, other.request_);
    std::swap(kind_, other.kind_);
    return *this;
  }
  ~Request();  ///< of an operation under way: ends a receive, lets go of a send; MPI allows neither for a collective one
  [[nodiscard]] bool active() const noexcept { return request_ != MPI_REQUEST_NULL; }
  /// Blocks until done; returns the bytes received (0 for other operations).
  std::size_t wait();
  /// The bytes received if done, nothing if still under way.
  std::optional<std::size_t> test();

 private:
  MPI_Request request_ = MPI_REQUEST_NULL;
  Kind kind_ = Kind::send;
};

template <class T>
concept Sendable = std::is_trivially_copyable_v<T>;

enum class Reduce : std::uint8_t { sum, min, max };

/// Things [first, last) of some that are counted from 0.
struct Part {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// Move-only owner of a communicator. All members are collective over it unless they say *Local* or are point to point.
class Communicator {
 public:
  /// Owns a duplicate of `handle`, with MPI_ERRORS_RETURN.
  [[nodiscard]] static Communicator duplicate(MPI_Comm handle);
  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator other) noexcept;
  ~Communicator();

  [[nodiscard]] int rank() const noexcept { return rank_; }           ///< Local.
  [[nodiscard]] int size() const noexcept { return size_; }           ///< Local.
  [[nodiscard]] bool is_root() const noexcept { return rank_ == 0; }  ///< Local.
  [[nodiscard]] MPI_Comm handle() const noexcept { return handle_; }  ///< Local. For the parallel HDF5 driver.

  /// This rank's of `count` things: consecutive ones, in rank order, all ranks' numbers the same but for one. Local.
  /// @pre count * size() < 2^64
  [[nodiscard]] Part part_of(std::uint64_t count) const noexcept {
    const auto ranks = static_cast<std::uint64_t>(size_);
    const auto rank = static_cast<std::uint64_t>(rank_);
    return {count * rank / ranks, count * (rank + 1) / ranks};
  }

  /// The ranks of equal `color`, in the order of this communicator.
  [[nodiscard]] Communicator split(int color) const;
  /// The ranks that share this rank's memory.
  [[nodiscard]] Communicator split_by_node() const;

  /// `bytes` of `root` to all, resized as needed; any length (sent in pieces below 2 GiB).
  void broadcast(std::vector<std::byte>& bytes, int root = 0) const;

  /// Every rank's `mine`, in rank order.
  template <Sendable T>
  [[nodiscard]] std::vector<T> all_gather(const T& mine) const {
    std::vector<T> all(static_cast<std::size_t>(size_));
    all_gather_bytes(std::as_bytes(std::span{&mine, 1}), std::as_writable_bytes(std::span{all}));
    return all;
  }
  /// All ranks' vectors, of any lengths, one behind the other in rank order.
  template <Sendable T>
  [[nodiscard]] std::vector<T> all_gather(const std::vector<T>& mine) const {
    const auto bytes = all_gather_varying(std::as_bytes(std::span{mine}));
    std::vector<T> all(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(all.data(), bytes.data(), bytes.size());
    return all;
  }

  /// Element by element over all ranks, in place.
  void all_reduce(std::span<std::int64_t> values, Reduce how) const;
  [[nodiscard]] std::int64_t all_reduce(std::int64_t value, Reduce how) const {
    all_reduce(std::span{&value, 1}, how);
    return value;
  }
  /// The sums of all_reduce, of numbers of which most may be 0: where that is less, only the others are sent, with their places.
  void sum_sparse(std::span<std::int64_t> values) const;
  /// Begins all_reduce from `mine` into `all` (the same length); both must live until the request is done.
  [[nodiscard]] Request begin_all_reduce(std::span<const std::int64_t> mine, std::span<std::int64_t> all, Reduce how) const;

  /// Point to point, any length below 2 GiB. Messages between two ranks with one tag arrive in order.
  [[nodiscard]] Request begin_send(std::span<const std::byte> data, int to, int tag) const;
  /// Receives at most `space.size()` bytes; the request tells how many came.
  [[nodiscard]] Request begin_receive(std::span<std::byte> space, int from, int tag) const;

  /// Runs `work` on every rank. If it threw on any, all throw the AgreedError of the lowest such rank.
  void agree(const std::function<void()>& work) const;
  /// The same for an error that each rank has caught already.
  void agree_on(const std::optional<Error>& mine) const;

  /// Runs `make` on rank 0 and gives every rank its value (archived); an error there becomes everyone's AgreedError.
  template <class Make>
  [[nodiscard]] auto from_root(Make&& make) const -> std::invoke_result_t<Make> {
    using Value = std::invoke_result_t<Make>;
    std::optional<Value> value;
    agree([&] {
      if (is_root()) value.emplace(make());
    });
    std::vector<std::byte> bytes;
    if (is_root()) {
      OutArchive out;
      out(*value);
      bytes = out.bytes();
    }
    if (size_ > 1) broadcast(bytes);
    if (is_root()) return std::move(*value);
    Value copy{};
    InArchive in{bytes};
    in(copy);
    return copy;
  }

 private:
  explicit Communicator(MPI_Comm owned);
  void all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> all) const;
  [[nodiscard]] std::vector<std::byte> all_gather_varying(std::span<const std::byte> mine) const;

  MPI_Comm handle_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace dare::comm
