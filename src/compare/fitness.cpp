#include "compare/fitness.hpp"

#include <algorithm>
#include <cmath>

namespace dare::compare {
namespace {

constexpr std::size_t k_histograms_at_once = 64;  // a histogram of 256 KiB each

// Over all tensors, or over some.
struct Overall {
  DeltaFigures figures;
  std::vector<std::int64_t> bins = std::vector<std::int64_t>(SizeHistogram::k_bins);

  void add(const DeltaFigures& tensor, std::span<const std::int64_t> of_tensor) {
    figures.sums.add(tensor.sums);
    figures.row_squares += tensor.row_squares;
    for (std::size_t i = 0; i < bins.size(); ++i) bins[i] += of_tensor[i];
  }
  DeltaFigures result() {
    figures.deciles = SizeHistogram{bins}.deciles();
    return figures;
  }
};

class Survey {
 public:
  Survey(const checkpoint::Header& model, const checkpoint::Header& base, std::optional<Dtype> rounded, const comm::Communicator& world)
      : model_{model}, base_{base}, rounded_{rounded}, world_{world}, walk_{model, base, world} {}

  void run(std::span<const Pair> batch) {
    bins_.assign(batch.size() * SizeHistogram::k_bins, 0);
    const auto parts = walk_.walk<DeltaPart>(batch, [&](const Stretch& stretch) { return measure(batch, stretch); });
    world_.all_reduce(bins_, comm::Reduce::sum);
    std::size_t next = 0;
    for (std::size_t p = 0; p < batch.size(); ++p) {
      DeltaFigures figures;
      RowTotal rows;
      for (auto n = stretches_of(batch[p]); n > 0; --n) {
        figures.sums.add(parts[next].sums);
        rows.add(parts[next++].rows);
      }
      figures.row_squares = rows.squares();
      figures.deciles = SizeHistogram{bins_of(p)}.deciles();
      overall_.add(figures, bins_of(p));
      if (is_matrix(base_.tensors[batch[p].b].shape)) matrices_.add(figures, bins_of(p));
      tensors_.push_back(figures);
    }
  }

  Fitness finish() {
    walk_.close();
    return {std::move(tensors_), overall_.result(), matrices_.result()};
  }

 private:
  std::span<std::int64_t> bins_of(std::size_t p) { return std::span{bins_}.subspan(p * SizeHistogram::k_bins, SizeHistogram::k_bins); }

  DeltaPart measure(std::span<const Pair> batch, const Stretch& stretch) {
    const auto& pair = batch[stretch.pair];
    const auto of_base = base_.tensors[pair.b].dtype;
    SizeHistogram sizes{bins_of(stretch.pair)};
    return meter_.measure(stretch, pair.row, model_.tensors[pair.a].dtype, of_base, rounded_.value_or(of_base), sizes);
  }

  const checkpoint::Header& model_;
  const checkpoint::Header& base_;
  std::optional<Dtype> rounded_;
  const comm::Communicator& world_;
  PairWalk walk_;
  DeltaMeter meter_;
  std::vector<std::int64_t> bins_;
  std::vector<DeltaFigures> tensors_;
  Overall overall_;
  Overall matrices_;
};

std::optional<double> where_finite(double figure) noexcept {
  return std::isfinite(figure) ? std::optional{figure} : std::nullopt;
}

}  // namespace

bool is_matrix(const Shape& shape) noexcept {
  return std::count_if(shape.begin(), shape.end(), [](auto extent) { return extent > 1; }) >= 2;
}

double DeltaFigures::mean_size() const noexcept {
  return finite() == 0 ? 0 : sums.size / static_cast<double>(finite());
}

bool DeltaFigures::overflows() const noexcept {
  return !std::isfinite(sums.size) || !std::isfinite(sums.dd) || !std::isfinite(sums.bb) || !std::isfinite(sums.ff);
}

double DeltaFigures::share(std::uint64_t count) const noexcept {
  return sums.elements == 0 ? 0 : static_cast<double>(count) / static_cast<double>(sums.elements);
}

std::optional<double> DeltaFigures::relative_norm() const noexcept {
  if (!(sums.bb > 0)) return std::nullopt;
  return where_finite(std::sqrt(sums.dd / sums.bb));
}

std::optional<double> DeltaFigures::cosine() const noexcept {
  return cosine_of(sums.bb, sums.ff, sums.bf);
}

std::optional<double> DeltaFigures::noise_to_signal(double p) const noexcept {
  if (!(row_squares > 0) || !(p < 1)) return std::nullopt;
  return where_finite(std::sqrt(p / (1 - p)) * std::sqrt(sums.dd / row_squares));
}

Fitness measure_fitness(const checkpoint::Header& model, const checkpoint::Header& base, const std::vector<Pair>& pairs,
                        std::optional<Dtype> rounded, const comm::Communicator& world) {
  Survey survey{model, base, rounded, world};
  for (const auto batch : batches(pairs, k_histograms_at_once)) survey.run(batch);
  return survey.finish();
}

}  // namespace dare::compare
