#include <dare/compare/diff.hpp>

#include "compare/diff_report.hpp"
#include "core/table.hpp"

#include <dare/comm/environment.hpp>

namespace dare::compare {
namespace {

constexpr std::size_t k_pairs_per_batch = 16384;

struct BothHeaders {
  checkpoint::Header a;
  checkpoint::Header b;
  template <class A>
  void archive(A& archive) {
    archive(a, b);
  }
};

std::vector<Difference> measure(const BothHeaders& headers, const std::vector<Pair>& pairs, const comm::Communicator& world) {
  std::vector<Difference> differences;
  DifferenceMeter meter;
  PairWalk walk{headers.a, headers.b, world};
  for (const auto batch : batches(pairs, k_pairs_per_batch)) {
    const auto parts = walk.walk<Difference>(batch, [&](const Stretch& stretch) {
      const auto& pair = batch[stretch.pair];
      return meter.measure(stretch, headers.a.tensors[pair.a].dtype, headers.b.tensors[pair.b].dtype);
    });
    std::size_t next = 0;
    for (const auto& pair : batch) {
      auto& whole = differences.emplace_back();
      for (auto n = stretches_of(pair); n > 0; --n) whole.add(parts[next++]);
    }
  }
  walk.close();
  return differences;
}

}  // namespace

int diff(const DiffOptions& options, const comm::Communicator& world) {
  const auto headers = world.from_root([&] { return BothHeaders{checkpoint::read_header(options.a), checkpoint::read_header(options.b)}; });
  const auto pairing = by_name(headers.a, headers.b);
  DiffReport report{options, headers.a, headers.b, pairing};
  report.differences = measure(headers, pairing.pairs, world);
  world.agree([&] {
    if (!world.is_root()) return;
    for (const auto* const header : {&headers.a, &headers.b}) checkpoint::check_unchanged(*header);
  });
  comm::print_result(world, options.json ? report.json() : report.text(terminal_columns()));
  return static_cast<int>(report.equal() ? ExitCode::done : ExitCode::mismatch);
}

}  // namespace dare::compare
