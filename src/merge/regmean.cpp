#include "merge/regmean.hpp"

#include "merge/combiner.hpp"
#include "merge/convert.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>

namespace dare::merge {
namespace {

using Matrix = Eigen::MatrixXd;

// A pivot below this share of the largest leaves nothing of the 53 bits that it was computed in.
constexpr double k_least_pivot = 1e-14;

// x_k^T: the tensor's rows are the matrix's columns, so its order of elements is Eigen's own.
template <class W>
void load_values(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run, std::size_t k,
                 StripBuffers<W>& buffers, SparsifierScratch& scratch, Matrix& x) {
  scratch.forget_rows();
  StripReader<W> reader{settings, statistics, run, buffers};
  while (reader.next()) {
    auto& strip = reader.strip();
    auto& model = strip.models[k];
    sparsify(strip, run, model, scratch);
    averaged_values(strip, model, strip.spare);
    std::copy(strip.spare.begin(), strip.spare.end(), x.data() + strip.first);
  }
}

// w (G with its off-diagonals times alpha); the first element that is not finite, if any.
std::optional<Finding> load_gram(const TensorSettings& settings, const Run& run, std::size_t k, Matrix& gram) {
  const auto& term = settings.models[k];
  const auto entries = std::span{gram.data(), static_cast<std::size_t>(gram.size())};
  widen<double>(term.auxiliary, run.auxiliary[k], entries);
  const auto bad = std::find_if(entries.begin(), entries.end(), [](double x) { return !std::isfinite(x); });
  if (bad != entries.end())
    return Finding{Finding::Kind::nonfinite_input, static_cast<std::uint64_t>(bad - entries.begin()), static_cast<int>(k), *bad, true};
  const auto off = term.weight * settings.alpha;
  for (Eigen::Index column = 0; column < gram.cols(); ++column) {
    for (Eigen::Index row = 0; row < gram.rows(); ++row) gram(row, column) *= row == column ? term.weight : off;
  }
  return std::nullopt;
}

}  // namespace

template <class W>
RegmeanResult regmean(const TensorSettings& settings, const TensorStatistics& statistics, const Run& run, StripBuffers<W>& buffers,
                      SparsifierScratch& scratch) {
  const auto width = static_cast<Eigen::Index>(settings.row);
  const auto rows = static_cast<Eigen::Index>(settings.elements / std::max<std::uint64_t>(settings.row, 1));
  if (settings.elements == 0) return {};
  auto all = run;  // whatever part of it is wanted
  all.wanted = {0, settings.elements};
  Matrix sum = Matrix::Zero(width, width);
  RegmeanResult result;
  result.values.assign(settings.elements, 0.0);
  Eigen::Map<Matrix> right{result.values.data(), width, rows};
  {
    Matrix gram(width, width);
    Matrix x(width, rows);
    for (std::size_t k = 0; k < settings.models.size(); ++k) {
      if (const auto finding = load_gram(settings, run, k, gram)) return {{}, finding};
      load_values(settings, statistics, all, k, buffers, scratch, x);
      sum += gram;
      right.noalias() += gram * x;
    }
  }
  const Eigen::LDLT<Eigen::Ref<Matrix>> factors{sum};  // in place
  const auto pivots = factors.vectorD().cwiseAbs();
  if (!(pivots.minCoeff() > k_least_pivot * pivots.maxCoeff()))
    return {{}, Finding{Finding::Kind::singular, 0, -1, pivots.minCoeff(), true}};
  factors.solveInPlace(right);
  return result;
}

template RegmeanResult regmean<float>(const TensorSettings&, const TensorStatistics&, const Run&, StripBuffers<float>&, SparsifierScratch&);
template RegmeanResult regmean<double>(const TensorSettings&, const TensorStatistics&, const Run&, StripBuffers<double>&,
                                       SparsifierScratch&);

}  // namespace dare::merge
