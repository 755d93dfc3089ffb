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
    check_counts(t);
    checked_.reset();
    tensor_ = t;
  }

  // Every run is found by its own count, whatever was read before it: what a rank reads must not decide what it refuses.
  void check_counts(std::size_t t) const {
    const auto& packed = header_.delta->stored[t];
    const bool fit = before_.empty()
                         ? packed.elements == 0
                         : before_.front() == 0 && std::is_sorted(before_.begin(), before_.end()) && before_.back() <= packed.elements;
    if (!fit) {
      throw InputError{
          fmt::format("{}: tensor \"{}\": {} do not ascend from 0 to the {} elements that it has; it is damaged, make it again",
                      header_.root.string(), packed.name, k_kept_before, packed.elements)};
    }
  }

  // How many elements of a run are kept; the file must have as many.
  std::uint64_t kept_of(std::size_t t, std::uint64_t run) {
    if (checked_ == run) return kept_of_checked_;
    const auto& packed = header_.delta->stored[t];
    const auto first = run * k_kept_run;
    const auto size = std::min(k_kept_run, header_.tensors[t].elements - first);
    const auto kept = mask_->count(first, size);
    const auto there = (run + 1 == before_.size() ? packed.elements : before_[run + 1]) - before_[run];
    if (kept != there) {
      const auto& mask = header_.delta->mask;
      throw InputError{fmt::format(
          "{}: tensor \"{}\": seed {}, stream {} and drop rate {} keep {} of elements [{}, {}), the file has {}; it is damaged, "
          "make it again",
          header_.root.string(), packed.name, mask.seed, mask.stream, mask.drop_rate, kept, first, first + size, there)};
    }
    checked_ = run;
    kept_of_checked_ = kept;
    return kept;
  }

  // Elements of one run of k_kept_run.
  void scatter(std::size_t t, std::uint64_t at, std::uint64_t n, std::span<std::byte> out) {
    const auto& packed = header_.delta->stored[t];
    const auto run = at / k_kept_run;
    const auto in_run = kept_of(t, run);
    const auto first = run * k_kept_run;
    const bool whole = at == first && n == std::min(k_kept_run, header_.tensors[t].elements - first);
    const auto begin = before_[run] + (at == first ? 0 : mask_->count(first, at - first));
    const auto kept = whole ? in_run : mask_->count(at, n);
    const auto item = info(packed.dtype).bits / 8;
    values_.resize(kept * item);
    if (kept != 0) stored_->read(packed, begin, values_);
    const auto* from = values_.data();
    mask_->each(at, n, [&](std::uint64_t i) {
      std::memcpy(out.data() + i * item, from, item);
      from += item;
    });
  }

  const Header& header_;
  std::unique_ptr<CheckpointReader> stored_;
  std::optional<std::size_t> tensor_;
  std::optional<KeptMask> mask_;
  std::vector<std::uint64_t> before_;
  std::optional<std::uint64_t> checked_;  // the run that was found to hold what the mask keeps
  std::uint64_t kept_of_checked_ = 0;
  std::vector<std::byte> values_;
};

}  // namespace

std::unique_ptr<CheckpointReader> unpacking(const Header& header, std::unique_ptr<CheckpointReader> stored) {
  return std::make_unique<DeltaReader>(header, std::move(stored));
}

}  // namespace dare::checkpoint
