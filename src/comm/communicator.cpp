#include <dare/comm/communicator.hpp>

#include "comm/check.hpp"

#include <algorithm>
#include <cassert>
#include <climits>
#include <numeric>

namespace dare::comm {
namespace {

// Counts are int in MPI 3; pieces of 1 GiB stay below and are aligned.
constexpr std::size_t k_piece = std::size_t{1} << 30U;

constexpr std::size_t k_piece_values = k_piece / sizeof(std::int64_t);

int count_of(std::size_t n) {
  if (n > static_cast<std::size_t>(INT_MAX))
    throw Error{ExitCode::failure,
                "an MPI message of " + std::to_string(n) + " items, at most " + std::to_string(INT_MAX) + " are possible"};
  return static_cast<int>(n);
}

MPI_Op op_of(Reduce how) {
  return how == Reduce::sum ? MPI_SUM : how == Reduce::min ? MPI_MIN : MPI_MAX;
}

MPI_Comm own(MPI_Comm handle) {
  check(MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return handle;
}

}  // namespace

// Active only while an exception unwinds: nothing may be received into memory that goes.
Request::~Request() {
  if (!active()) return;
  if (kind_ == Kind::receive) {
    MPI_Cancel(&request_);
    MPI_Wait(&request_, MPI_STATUS_IGNORE);
  } else if (kind_ == Kind::send) {
    MPI_Request_free(&request_);  // waiting could be for a rank that has left
  }
}

std::size_t Request::wait() {
  MPI_Status status;
  check(MPI_Wait(&request_, &status), "MPI_Wait");
  int count = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &count), "MPI_Get_count");
  return count == MPI_UNDEFINED ? 0 : static_cast<std::size_t>(count);
}

std::optional<std::size_t> Request::test() {
  MPI_Status status;
  int done = 0;
  check(MPI_Test(&request_, &done, &status), "MPI_Test");
  if (done == 0) return std::nullopt;
  int count = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &count), "MPI_Get_count");
  return count == MPI_UNDEFINED ? 0 : static_cast<std::size_t>(count);
}

Communicator::Communicator(MPI_Comm owned) : handle_{owned} {
  check(MPI_Comm_rank(handle_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(handle_, &size_), "MPI_Comm_size");
}

Communicator Communicator::duplicate(MPI_Comm handle) {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(handle, &copy), "MPI_Comm_dup");
  return Communicator{own(copy)};
}

Communicator::Communicator(Communicator&& other) noexcept
    : handle_{std::exchange(other.handle_, MPI_COMM_NULL)}, rank_{other.rank_}, size_{other.size_} {}

Communicator& Communicator::operator=(Communicator other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  return *this;
}

Communicator::~Communicator() {
  if (handle_ != MPI_COMM_NULL) MPI_Comm_free(&handle_);
}

Communicator Communicator::split(int color) const {
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split(handle_, color, rank_, &part), "MPI_Comm_split");
  return Communicator{own(part)};
}

Communicator Communicator::split_by_node() const {
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split_type(handle_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &part), "MPI_Comm_split_type");
  return Communicator{own(part)};
}

void Communicator::broadcast(std::vector<std::byte>& bytes, int root) const {
  std::uint64_t size = bytes.size();
  check(MPI_Bcast(&size, 1, MPI_UINT64_T, root, handle_), "MPI_Bcast");
  bytes.resize(size);
  for (std::size_t done = 0; done < size; done += k_piece) {
    check(MPI_Bcast(bytes.data() + done, count_of(std::min(k_piece, size - done)), MPI_BYTE, root, handle_), "MPI_Bcast");
  }
}

void Communicator::all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> all) const {
  check(MPI_Allgather(mine.data(), count_of(mine.size()), MPI_BYTE, all.data(), count_of(mine.size()), MPI_BYTE, handle_), "MPI_Allgather");
}

std::vector<std::byte> Communicator::all_gather_varying(std::span<const std::byte> mine) const {
  const auto sizes = all_gather(static_cast<std::uint64_t>(mine.size()));
  const auto total = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
  std::vector<std::byte> all(total);
  if (total <= static_cast<std::uint64_t>(INT_MAX)) {
    std::vector<int> counts{sizes.begin(), sizes.end()};
    std::vector<int> places(counts.size());
    std::exclusive_scan(counts.begin(), counts.end(), places.begin(), 0);
    check(MPI_Allgatherv(mine.data(), count_of(mine.size()), MPI_BYTE, all.data(), counts.data(), places.data(), MPI_BYTE, handle_),
          "MPI_Allgatherv");
    return all;
  }
  // One broadcast a rank: displacements need not fit an int.
  std::size_t first = 0;
  for (int root = 0; root < size_; ++root) {
    const auto size = sizes[static_cast<std::size_t>(root)];
    if (root == rank_) std::copy(mine.begin(), mine.end(), all.begin() + static_cast<std::ptrdiff_t>(first));
    for (std::size_t done = 0; done < size; done += k_piece) {
      check(MPI_Bcast(all.data() + first + done, count_of(std::min(k_piece, size - done)), MPI_BYTE, root, handle_), "MPI_Bcast");
    }
    first += size;
  }
  return all;
}

void Communicator::all_reduce(std::span<std::int64_t> values, Reduce how) const {
  for (std::size_t done = 0; done < values.size(); done += k_piece_values) {
    const auto piece = values.subspan(done, std::min(k_piece_values, values.size() - done));
    check(MPI_Allreduce(MPI_IN_PLACE, piece.data(), count_of(piece.size()), MPI_INT64_T, op_of(how), handle_), "MPI_Allreduce");
  }
}

void Communicator::sum_sparse(std::span<std::int64_t> values) const {
  struct Entry {
    std::uint64_t place;
    std::int64_t value;
  };
  if (size_ == 1) return;
  const auto mine = values.size() - static_cast<std::size_t>(std::count(values.begin(), values.end(), 0));
  const auto entries = static_cast<std::uint64_t>(all_reduce(static_cast<std::int64_t>(mine), Reduce::sum));
  // A reduction sends and receives the values about once each.
  if (entries * sizeof(Entry) > values.size_bytes()) return all_reduce(values, Reduce::sum);
  std::vector<Entry> sent;
  sent.reserve(mine);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) sent.push_back({i, values[i]});
  }
  for (const auto& entry : sent) values[entry.place] = 0;
  for (const auto& entry : all_gather(sent)) values[entry.place] += entry.value;
}

Request Communicator::begin_all_reduce(std::span<const std::int64_t> mine, std::span<std::int64_t> all, Reduce how) const {
  assert(mine.size() == all.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Iallreduce(mine.data(), all.data(), count_of(mine.size()), MPI_INT64_T, op_of(how), handle_, &request), "MPI_Iallreduce");
  return {request, Request::Kind::collective};
}

Request Communicator::begin_send(std::span<const std::byte> data, int to, int tag) const {
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Isend(data.data(), count_of(data.size()), MPI_BYTE, to, tag, handle_, &request), "MPI_Isend");
  return {request, Request::Kind::send};
}

Request Communicator::begin_receive(std::span<std::byte> space, int from, int tag) const {
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Irecv(space.data(), count_of(space.size()), MPI_BYTE, from, tag, handle_, &request), "MPI_Irecv");
  return Request{request, Request::Kind::receive};
}

void Communicator::agree(const std::function<void()>& work) const {
  std::optional<Error> mine;
  try {
    work();
  } catch (const Error& error) { mine.emplace(error.code(), error.what()); } catch (const std::bad_alloc&) {
    mine.emplace(ExitCode::failure,
                 "out of memory on rank " + std::to_string(rank_) + "; lower --memory-per-rank or use fewer ranks a node");
  } catch (const std::exception& error) { mine.emplace(ExitCode::failure, error.what()); }
  agree_on(mine);
}

void Communicator::agree_on(const std::optional<Error>& mine) const {
  const auto first = all_reduce(mine ? rank_ : size_, Reduce::min);
  if (first == size_) return;
  const auto root = static_cast<int>(first);
  std::int64_t code = mine ? static_cast<std::int64_t>(mine->code()) : 0;
  check(MPI_Bcast(&code, 1, MPI_INT64_T, root, handle_), "MPI_Bcast");
  std::vector<std::byte> text;
  if (rank_ == root) {
    const std::string what = mine->what();
    const auto raw = std::as_bytes(std::span{what});
    text.assign(raw.begin(), raw.end());
  }
  broadcast(text, root);
  throw AgreedError{static_cast<ExitCode>(code), std::string{reinterpret_cast<const char*>(text.data()), text.size()}};
}

}  // namespace dare::comm
