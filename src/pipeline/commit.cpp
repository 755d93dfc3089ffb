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

void place(const RunOptions& options, Staging& staging) {
  const auto& paths = staging.paths();
  if (std::filesystem::exists(paths.new_manifest)) {
    File::open_write(paths.new_manifest).sync();
    if (!paths.single_file) sync_folder(paths.temporary);
  }
  staging.place(options.overwrite);
}

}  // namespace

// A step for all before the next: what they force to the disk goes there together.
void put_in_place(const RunOptions& options, const comm::Communicator& world, std::span<const Waiting> outputs,
                  const std::function<void(std::size_t, const OutputPaths&)>& describe,
                  const std::function<comm::AgreedError(const comm::AgreedError&)>& advice) {
  const auto take = [&](const auto& step) {
    for (std::size_t p = 0; p < outputs.size(); ++p) {
      if (*outputs[p].refusal) continue;
      try {
        world.agree([&] {
          if (world.is_root()) step(p, *outputs[p].staging);
        });
      } catch (const comm::AgreedError& error) { *outputs[p].refusal = advice(error); }
    }
  };
  take([&](std::size_t p, Staging& staging) { describe(p, staging.paths()); });
  take([&](std::size_t, Staging& staging) { place(options, staging); });
  take([](std::size_t, Staging& staging) { staging.settle(); });
}

void commit_outputs(const RunContext& run, const plan::Grid& grid, std::vector<StagedOutput>& staged, std::vector<ProductResult>& results) {
  std::vector<Waiting> outputs;
  for (std::size_t p = 0; p < staged.size(); ++p) {
    auto& refusal = results[p].outcome.refusal;
    if (refusal) refusal = give_up(run.options, *refusal, {&staged[p], 1});
    outputs.push_back({staged[p].staging.get(), &refusal});
  }
  const auto describe = [&](std::size_t p, const OutputPaths& paths) {
    const auto& product = run.work.products[p];
    if (!product.manifest) return;
    std::filesystem::remove(paths.new_manifest);  // of a run that was killed between this line and the next
    write_manifest(paths.new_manifest, paths.temporary, run.work, product, grid, results[p].hashes, results[p].outcome.counts);
  };
  put_in_place(run.options, run.world, outputs, describe, [&](const auto& error) { return kept(run.options, error); });
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
