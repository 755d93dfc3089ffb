#include "checkpoint/lora_factors.hpp"
#include "checkpoint/lora_product.hpp"
#include "merge/convert.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace dare::checkpoint {
namespace {

constexpr std::uint64_t k_largest_panel = std::uint64_t{1} << 20U;  // values of the right factor that are kept: 8 MiB
constexpr std::uint64_t k_largest_band = std::uint64_t{1} << 17U;   // values of the left factor
constexpr std::uint64_t k_strip = 4096;                             // sums at a time
constexpr std::uint64_t k_compared = 65'536;

}  // namespace

struct LoraReader::State {
  State(const Header& of, CheckpointReader& from) : header{of}, reader{from} {}

  // Columns of a right factor; kept, since the next run mostly needs them again.
  struct Panel {
    std::int32_t low_rank = -1;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<double> values;
  };

  void enter(const TensorInfo& tensor) {
    if (factors && current == tensor.low_rank) return;
    current = tensor.low_rank;
    factors.emplace(header.low_rank[static_cast<std::size_t>(current)], tensor, reader);
  }

  // The whole right factor where it fits, else the columns from `begin` on that do.
  const Panel& panel_at(std::uint64_t begin) {
    if (panel.low_rank == current && panel.begin <= begin && begin < panel.end) return panel;
    const auto columns = factors->columns();
    const auto fitting = std::max<std::uint64_t>(k_largest_panel / factors->rank(), 1);
    const auto from = fitting >= columns ? 0 : begin;
    const auto to = std::min(columns, from + fitting);
    panel.values.clear();  // before the next is made
    panel.values.shrink_to_fit();
    panel = {current, from, to, factors->right(from, to)};
    return panel;
  }

  // Rows [row, row + rows) and columns [column, column + columns), row by row, into `out`, whose rows are `columns` long.
  template <class W>
  void box(std::uint64_t row, std::uint64_t rows, std::uint64_t column, std::uint64_t columns, double scale, std::span<W> out) {
    const auto rank = factors->rank();
    const auto band = std::max<std::uint64_t>(k_largest_band / rank, 1);
    for (std::uint64_t r = 0; r < rows; r += band) {
      const auto n = std::min(band, rows - r);
      const auto left = factors->left(row + r, row + r + n);
      for (std::uint64_t c = 0; c < columns;) {
        const auto& right = panel_at(column + c);
        const auto width = std::min(columns - c, right.end - (column + c));
        for (std::uint64_t i = 0; i < n; ++i) {
          line(std::span{left}.subspan(i * rank, rank), right, column + c, scale, out.subspan((r + i) * columns + c, width));
        }
        c += width;
      }
    }
  }

  template <class W>
  void line(std::span<const double> left, const Panel& right, std::uint64_t column, double scale, std::span<W> out) {
    for (std::uint64_t done = 0; done < out.size(); done += k_strip) {
      const auto strip = std::span{sums}.first(std::min<std::size_t>(k_strip, out.size() - done));
      lora::multiply_row(left, right.values.data() + (column + done - right.begin), right.end - right.begin, strip);
      for (std::size_t i = 0; i < strip.size(); ++i) out[done + i] = static_cast<W>(scale * strip[i]);
    }
  }

  void check_base(const TensorInfo& tensor, std::uint64_t first, const BaseRun& base, std::uint64_t n);

  template <class W>
  void read(const TensorInfo& tensor, std::uint64_t first, const BaseRun& base, std::span<W> out) {
    enter(tensor);
    check_base(tensor, first, base, out.size());
    const auto scale = header.low_rank[static_cast<std::size_t>(current)].scale;
    const auto columns = factors->columns();
    while (!out.empty()) {  // the rest of a row, or all whole rows that follow
      const auto column = first % columns;
      const auto rows = column == 0 ? std::max<std::uint64_t>(out.size() / columns, 1) : 1;
      const auto width = std::min<std::uint64_t>(columns - column, out.size());
      box(first / columns, rows, column, width, scale, out.first(rows * width));
      first += rows * width;
      out = out.subspan(rows * width);
    }
  }

  const Header& header;
  CheckpointReader& reader;
  std::int32_t current = -1;
  std::optional<lora::Factors> factors;
  Panel panel;
  std::vector<double> sums = std::vector<double>(k_strip);
};

// Where PEFT saved an embedding whole beside its factors: what the product is added to must be the base given.
void LoraReader::State::check_base(const TensorInfo& tensor, std::uint64_t first, const BaseRun& base, std::uint64_t n) {
  const auto& factors_of = header.low_rank[static_cast<std::size_t>(current)];
  if (!factors_of.has_base) return;
  const auto& copy = factors_of.base;
  if (!lora::can_widen(base.dtype)) {
    throw InputError{
        fmt::format("{}: tensor \"{}\": the base given is {}, the adapter's copy of it {}; give the base that the adapter was "
                    "trained on",
                    header.files[copy.file].path.string(), tensor.name, name(base.dtype), name(copy.dtype))};
  }
  std::vector<std::byte> raw;
  std::vector<double> own(std::min(n, k_compared));
  std::vector<double> given(own.size());
  for (std::uint64_t done = 0; done < n; done += k_compared) {
    const auto m = std::min(k_compared, n - done);
    raw.resize(m * info(copy.dtype).bits / 8);
    reader.read(copy, first + done, raw);
    merge::widen(copy.dtype, raw, std::span{own}.first(m));
    const auto item = info(base.dtype).bits / 8;
    merge::widen(base.dtype, base.bytes.subspan(done * item, m * item), std::span{given}.first(m));
    for (std::size_t i = 0; i < m; ++i) {
      if (own[i] == given[i] || (std::isnan(own[i]) && std::isnan(given[i]))) continue;
      throw InputError{
          fmt::format("{}: tensor \"{}\": element {} is {} in the adapter's copy of the base and {} in the base given; give the "
                      "base that the adapter was trained on",
                      header.files[copy.file].path.string(), tensor.name, first + done + i, own[i], given[i])};
    }
  }
}

LoraReader::LoraReader(const Header& header, CheckpointReader& reader) : state_{std::make_unique<State>(header, reader)} {}
LoraReader::~LoraReader() = default;

void LoraReader::read_delta(const TensorInfo& tensor, std::uint64_t first, const BaseRun& base, std::span<float> delta) {
  state_->read(tensor, first, base, delta);
}

void LoraReader::read_delta(const TensorInfo& tensor, std::uint64_t first, const BaseRun& base, std::span<double> delta) {
  state_->read(tensor, first, base, delta);
}

}  // namespace dare::checkpoint
