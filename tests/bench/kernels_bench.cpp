// The kernels of random and merge on every instruction set of this machine, beside memcpy.
// Columns: each = time an element a model (an element for draws and conversions); bytes_per_second = all inputs read and outputs written.

#include "random/vector_targets.hpp"

#include <dare/core/hash.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/random/drop_stream.hpp>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <hwy/targets.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace dare;
using Bytes = std::vector<std::byte>;

constexpr std::size_t k_elements = std::size_t{1} << 17U;  // of a run: inputs and output stay in the second- and third-level caches

void time_each(benchmark::State& state, std::size_t things, std::size_t bytes) {
  using benchmark::Counter;
  state.counters["each"] = Counter(static_cast<double>(things), Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

Bytes random_weights(Dtype dtype, double sigma, const std::vector<float>& around, unsigned seed) {
  std::mt19937 bits{seed};
  std::normal_distribution<float> normal{0, static_cast<float>(sigma)};
  std::vector<float> values(k_elements);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal(bits) + (around.empty() ? 0 : around[i]);
  Bytes bytes(k_elements * info(dtype).bits / 8);
  (void)merge::convert(Dtype::f32, std::as_bytes(std::span{values}), dtype, bytes, merge::Overflow::saturate);
  return bytes;
}

void merge_run(benchmark::State& state, std::int64_t target, merge::Combiner combiner, Dtype dtype, Dtype out_dtype, int models) {
  hwy::SetSupportedTargetsForTest(target);
  merge::TensorSettings settings;
  settings.name = "model.layers.0.mlp.up_proj.weight";
  settings.base_dtype = dtype;
  settings.out_dtype = out_dtype;
  settings.elements = k_elements;
  settings.sparsifier = merge::Sparsifier::dare;
  settings.combiner = combiner;
  settings.normalize = combiner == merge::Combiner::ties;
  const auto base = random_weights(dtype, 0.02, {}, 1);
  std::vector<Bytes> tuned;
  for (int k = 0; k < models; ++k) {
    merge::ModelTerm term;
    term.dtype = dtype;
    term.weight = 0.5;
    term.rate = merge::Rate::from_drop(0.9);
    term.rescale = merge::Rescale::expected;
    term.stream = static_cast<std::uint64_t>(k);
    settings.models.push_back(term);
    tuned.push_back(random_weights(dtype, 0.02, {}, static_cast<unsigned>(k) + 2));
  }
  const std::vector<std::span<const std::byte>> spans{tuned.begin(), tuned.end()};
  Bytes out(k_elements * info(out_dtype).bits / 8);
  const merge::TensorMerger merger{settings};
  const auto scratch = merge::TensorMerger::make_scratch();
  merge::Counts counts;
  for (auto _ : state) {
    if (merger.merge(0, base, spans, out, counts, *scratch)) state.SkipWithError("a finding");
    benchmark::DoNotOptimize(out.data());
  }
  time_each(state, k_elements * static_cast<std::size_t>(models), base.size() * static_cast<std::size_t>(models + 1) + out.size());
  hwy::SetSupportedTargetsForTest(0);
}

void draw_run(benchmark::State& state, std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  const random::DropStream stream{42, 0, "w"};
  std::vector<std::uint16_t> room(random::DropStream::room_for(1024));
  std::uint64_t first = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(stream.settled(first, 1024, random::drop_threshold(0.9), room));
    first += 1024;
  }
  time_each(state, 1024, 2048);
  hwy::SetSupportedTargetsForTest(0);
}

void convert_run(benchmark::State& state, std::int64_t target, Dtype from, Dtype to) {
  hwy::SetSupportedTargetsForTest(target);
  const auto in = random_weights(from, 0.02, {}, 1);
  Bytes out(k_elements * info(to).bits / 8);
  for (auto _ : state) {
    if (merge::convert(from, in, to, out, merge::Overflow::error)) state.SkipWithError("overflow");
    benchmark::DoNotOptimize(out.data());
  }
  time_each(state, k_elements, in.size() + out.size());
  hwy::SetSupportedTargetsForTest(0);
}

// What memory allows: read and written bytes of a copy of that size.
void copy_run(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0));
  const Bytes in(bytes, std::byte{1});
  Bytes out(bytes);
  for (auto _ : state) {
    std::memcpy(out.data(), in.data(), bytes);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(2 * static_cast<std::int64_t>(bytes) * state.iterations());
}

void hash_run(benchmark::State& state) {
  const Bytes in(static_cast<std::size_t>(state.range(0)), std::byte{1});
  Hasher128 hasher;
  for (auto _ : state) {
    hasher.update(in);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(in.size()) * state.iterations());
}

void register_merges(std::int64_t target, const std::string& name) {
  const auto add = [&](merge::Combiner combiner, Dtype dtype, Dtype out, int models) {
    const auto method = combiner == merge::Combiner::ties ? "dare_ties" : "dare_linear";
    const auto title = fmt::format("{}/{}{}{}/{}models/{}", method, dare::name(dtype), dtype == out ? "" : "_to_",
                                   dtype == out ? "" : dare::name(out), models, name);
    benchmark::RegisterBenchmark(title.c_str(), merge_run, target, combiner, dtype, out, models);
  };
  for (const auto combiner : {merge::Combiner::task_arithmetic, merge::Combiner::ties}) {
    for (const auto models : {1, 3}) add(combiner, Dtype::bf16, Dtype::bf16, models);
    for (const auto dtype : {Dtype::f16, Dtype::f32, Dtype::f64}) add(combiner, dtype, dtype, 3);
    add(combiner, Dtype::f32, Dtype::bf16, 3);
    add(combiner, Dtype::f8_e4m3, Dtype::bf16, 3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("memcpy", copy_run)->Arg(1 << 18)->Arg(1 << 28);
  benchmark::RegisterBenchmark("hash", hash_run)->Arg(1 << 18);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string name = hwy::TargetName(target);
    benchmark::RegisterBenchmark(("draws/" + name).c_str(), draw_run, target);
    register_merges(target, name);
    for (const auto& [from, to] : {std::pair{Dtype::f32, Dtype::bf16}, std::pair{Dtype::f32, Dtype::f16}, std::pair{Dtype::f64, Dtype::f16},
                                   std::pair{Dtype::bf16, Dtype::f32}, std::pair{Dtype::f8_e4m3, Dtype::bf16}}) {
      const auto title = fmt::format("convert/{}_to_{}/{}", dare::name(from), dare::name(to), name);
      benchmark::RegisterBenchmark(title.c_str(), convert_run, target, from, to);
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
