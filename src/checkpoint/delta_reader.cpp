#include "checkpoint/delta_reader.hpp"

#include "checkpoint/kept_mask.hpp"

#include <dare/checkpoint/delta.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace dare::checkpoint {
namespace {

class DeltaReader : public CheckpointReader {
 public:
  DeltaReader(const Header& header, std::unique_ptr<CheckpointReader> stored) : header_{header}, stored_{std::move(stored)} {}

  void read(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) override {
    const auto t = static_cast<std::size_t>(header_.find(tensor.name) - header_.tensors.data());
    const auto& delta = *header_.delta;
    if (delta.packed[t] == 0) return stored_->read(delta.stored[t], first, out);
    enter(t);
    std::fill(out.begin(), out.end(), std::byte{0});
    const auto item = info(tensor.dtype).bits / 8;
    const auto n = out.size() / item;
    for (std::uint64_t done = 0; done < n;) {
      const auto at = first + done;
      const auto size = std::min(k_kept_run - at % k_kept_run, n - done);
      scatter(t, at, size, out.subspan(done * item, size * item));
      done += size;
    }
  }

  [[nodiscard]] std::string access() const override { return stored_->access(); }

  void close() override { stored_->close(); }

 private:
  void enter(std::size_t t) {
    if (tensor_ == t) return;
    tensor_.reset();
    const auto& tensor = header_.tensors[t];
    mask_.emplace(header_.delta->mask, tensor.name);
    before_.resize((tensor.elements + k_kept_run - 1) / k_kept_run);
    if (!before_.empty()) {
      stored_->read(header_.delta->kept_before, header_.delta->first_entry[t], std::as_writable_bytes(std::span{before_}));
    }
    next_ = 0;
    kept_before_next_ = 0;
    tensor_ = t;
  }

  // How many of the tensor's elements before `at` are kept. Runs mostly follow each other.
  std::uint64_t kept_before(std::uint64_t at) {
    if (at == next_) return kept_before_next_;
    const auto run = at / k_kept_run;
    return before_[run] + mask_->count(run * k_kept_run, at % k_kept_run);
  }

  // Elements of one run of k_kept_run.
  void scatter(std::size_t t, std::uint64_t at, std::uint64_t n, std::span<std::byte> out) {
    const auto& packed = header_.delta->stored[t];
    const auto begin = kept_before(at);
    const auto kept = mask_->count(at, n);
    const bool starts = at % k_kept_run == 0;
    if ((starts && before_[at / k_kept_run] != begin) || begin > packed.elements || kept > packed.elements - begin) {
      throw InputError{fmt::format(
          "{}: tensor \"{}\": {} elements kept before element {} and {} behind it, the file says {} and has {} in all; it is damaged, "
          "make it again",
          header_.root.string(), packed.name, begin, at, kept, starts ? before_[at / k_kept_run] : begin, packed.elements)};
    }
    const auto item = info(packed.dtype).bits / 8;
    values_.resize(kept * item);
    if (kept != 0) stored_->read(packed, begin, values_);
    const auto* from = values_.data();
    mask_->each(at, n, [&](std::uint64_t i) {
      std::memcpy(out.data() + i * item, from, item);
      from += item;
    });
    next_ = at + n;
    kept_before_next_ = begin + kept;
  }

  const Header& header_;
  std::unique_ptr<CheckpointReader> stored_;
  std::optional<std::size_t> tensor_;
  std::optional<KeptMask> mask_;
  std::vector<std::uint64_t> before_;
  std::uint64_t next_ = 0;
  std::uint64_t kept_before_next_ = 0;
  std::vector<std::byte> values_;
};

}  // namespace

std::unique_ptr<CheckpointReader> unpacking(const Header& header, std::unique_ptr<CheckpointReader> stored) {
  return std::make_unique<DeltaReader>(header, std::move(stored));
}

}  // namespace dare::checkpoint
