#include "pipeline/commit.hpp"

#include <dare/core/file.hpp>
#include <dare/pipeline/manifest.hpp>

#include <fmt/format.h>

namespace dare::pipeline {
namespace {

// What a later run could go on from stays; what was made from bad inputs goes.
bool is_given_up(const Error& error) {
  return error.code() == ExitCode::input || error.code() == ExitCode::usage;
}

comm::AgreedError with_advice(const RunOptions& options, const comm::AgreedError& error) {
  if (error.code() != ExitCode::failure) return error;
  return {error.code(), fmt::format("{}; what is done is kept, {} goes on", error.what(), options.going_on())};
}

// Of an output that is complete: whatever is in its way, it stays for a run that finds the way free.
comm::AgreedError kept(const RunOptions& options, const comm::AgreedError& error) {
  if (!is_given_up(error)) return with_advice(options, error);
  return {error.code(), fmt::format("{}; what is done is kept: {} puts it there once the place is free, or with --overwrite", error.what(),
                                    options.going_on())};
}

void describe(const RunContext& run, const Product& product, const plan::Grid& grid, const ProductResult& result,
              const OutputPaths& paths) {
  if (!product.manifest) return;
  std::filesystem::remove(paths.new_manifest);  // of a run that was killed between this line and the next
  write_manifest(paths.new_manifest, paths.temporary, run.work, product, grid, result.hashes, result.outcome.counts);
}

void place(const RunContext& run, const Product& product, Staging& staging) {
  const auto& paths = staging.paths();
  if (product.manifest) {
    File::open_write(paths.new_manifest).sync();
    if (!paths.single_file) sync_folder(paths.temporary);
  }
  staging.place(run.options.overwrite);
}

// Rank 0 takes one step with every output that nothing has stopped yet. A step for all before the next: what they force to the disk goes
// there together.
template <class Step>
void take(const RunContext& run, std::vector<StagedOutput>& staged, std::vector<ProductResult>& results, Step step) {
  for (std::size_t p = 0; p < staged.size(); ++p) {
    auto& refusal = results[p].outcome.refusal;
    if (refusal) continue;
    try {
      run.world.agree([&] {
        if (staged[p].staging) step(p, *staged[p].staging);
      });
    } catch (const comm::AgreedError& error) { refusal = kept(run.options, error); }
  }
}

}  // namespace

void commit_outputs(const RunContext& run, const plan::Grid& grid, std::vector<StagedOutput>& staged, std::vector<ProductResult>& results) {
  for (std::size_t p = 0; p < staged.size(); ++p) {
    auto& refusal = results[p].outcome.refusal;
    if (refusal) refusal = give_up(run.options, *refusal, {&staged[p], 1});
  }
  const auto& products = run.work.products;
  take(run, staged, results, [&](auto p, auto& staging) { describe(run, products[p], grid, results[p], staging.paths()); });
  take(run, staged, results, [&](auto p, auto& staging) { place(run, products[p], staging); });
  take(run, staged, results, [](auto, auto& staging) { staging.settle(); });
}

comm::AgreedError give_up(const RunOptions& options, const comm::AgreedError& error, std::span<StagedOutput> staged) {
  if (is_given_up(error)) {
    for (auto& output : staged) {
      if (output.staging) output.staging->discard();
    }
  }
  return with_advice(options, error);
}

}  // namespace dare::pipeline
