#include "checkpoint/pytorch_gather.hpp"

#include "checkpoint/boxes.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace dare::checkpoint::pytorch {
namespace {

constexpr std::uint64_t k_largest_piece = 65'536;

struct Axis {
  std::uint64_t extent;
  std::uint64_t from;  // bytes between neighbours in the file
  std::uint64_t to;    // bytes between neighbours in the output
};

// Copies along one axis, in pieces that hold several elements where those are near enough.
class LineReader {
 public:
  LineReader(const Axis& axis, std::uint64_t item, const ReadAt& read_at) : axis_{axis}, item_{item}, read_at_{read_at} {
    const auto fitting = axis.from == 0 ? axis.extent : (k_largest_piece - std::min(item, k_largest_piece)) / axis.from + 1;
    most_ = std::min(axis.extent, fitting);
    piece_.resize((most_ - 1) * axis.from + item);
  }

  void read(std::uint64_t offset, std::byte* out) {
    for (std::uint64_t done = 0; done < axis_.extent; done += most_) {
      const auto n = std::min(most_, axis_.extent - done);
      read_at_(offset + done * axis_.from, std::span{piece_}.first((n - 1) * axis_.from + item_));
      for (std::uint64_t i = 0; i < n; ++i) std::memcpy(out + (done + i) * axis_.to, piece_.data() + i * axis_.from, item_);
    }
  }

 private:
  Axis axis_;
  std::uint64_t item_;
  const ReadAt& read_at_;
  std::uint64_t most_ = 1;
  std::vector<std::byte> piece_;
};

// A box of elements: lines along the axis of the least stride, all others stepped through in order.
void read_box(std::vector<Axis> axes, std::uint64_t offset, std::uint64_t item, const ReadAt& read_at, std::byte* out) {
  std::erase_if(axes, [](const Axis& axis) { return axis.extent == 1; });
  if (axes.empty()) axes.push_back({1, item, item});
  const auto nearest = std::min_element(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.from < b.from; });
  LineReader line{*nearest, item, read_at};
  axes.erase(nearest);
  std::vector<std::uint64_t> at(axes.size());
  for (;;) {
    line.read(offset, out);
    std::size_t d = axes.size();
    for (; d > 0; --d) {
      const auto& axis = axes[d - 1];
      if (++at[d - 1] < axis.extent) {
        offset += axis.from;
        out += axis.to;
        break;
      }
      at[d - 1] = 0;
      offset -= (axis.extent - 1) * axis.from;
      out -= (axis.extent - 1) * axis.to;
    }
    if (d == 0) return;
  }
}

}  // namespace

void gather(const View& view, std::uint64_t first, const ReadAt& read_at, std::span<std::byte> out) {
  const auto strides = strides_of(view.shape);
  auto* to = out.data();
  for (const auto& box : boxes(view.shape, first, out.size() / view.item)) {
    auto offset = view.offset;
    std::vector<Axis> axes;
    for (std::size_t d = 0; d < strides.size(); ++d) {
      offset += box.start[d] * view.strides[d] * view.item;
      axes.push_back({box.count[d], view.strides[d] * view.item, strides[d] * view.item});
    }
    read_box(std::move(axes), offset, view.item, read_at, to);
    to += box.elements() * view.item;
  }
}

}  // namespace dare::checkpoint::pytorch
