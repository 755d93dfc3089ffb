#include "pipeline/resume.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/core/packed.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace dare::pipeline {
namespace {

// Reads blocks of an output in place.
class BlockReader {
 public:
  BlockReader(const StagedOutput& staged, const std::vector<std::uint64_t>& write_bits, const plan::Grid& grid)
      : staged_{staged}, write_bits_{write_bits}, grid_{grid} {}

  Hash128 hash(std::uint64_t number) {
    const auto block = grid_.block(number);
    const auto bits = write_bits_[block.tensor];
    const auto& place = staged_.layout.tensors[block.tensor];
    if (!file_.is_open() || place.file != number_) {
      const auto& name = staged_.layout.files[place.file].name;
      file_ = File::open_read(name.empty() ? staged_.root : staged_.root / name);
      number_ = place.file;
    }
    bytes_.resize(packed_bytes(block.elements, bits));
    file_.read_at(place.offset + block.first * bits / 8, bytes_);
    return hash128(bytes_);
  }

 private:
  const StagedOutput& staged_;
  const std::vector<std::uint64_t>& write_bits_;
  const plan::Grid& grid_;
  File file_;
  std::uint32_t number_ = 0;
  std::vector<std::byte> bytes_;
};

// Of one output.
std::vector<std::uint64_t> good_blocks(const RunContext& run, const StagedOutput& staged, const std::vector<std::uint64_t>& write_bits,
                                       const plan::Grid& grid) {
  const auto& world = run.world;
  const auto all = blocks_done(staged.records);
  const auto mine = world.part_of(all.size());
  std::vector<std::uint64_t> good;
  std::uint64_t unreadable = 0;
  std::string why;
  world.agree([&] {
    BlockReader reader{staged, write_bits, grid};
    for (auto i = mine.first; i < mine.last; ++i) {
      StopSignal::check("while the finished blocks of the interrupted run were checked", "the same command goes on");
      try {
        if (reader.hash(all[i]) == staged.records[all[i]].hash) good.push_back(all[i]);
      } catch (const IoError& error) {
        if (unreadable++ == 0) why = error.what();
      }
    }
  });
  if (unreadable != 0) {
    comm::print_message(run.options.program, fmt::format("{}; {} cannot be read and {} made again: look at the disk", why,
                                                         plural(unreadable, "finished block"), unreadable == 1 ? "is" : "are"));
  }
  return world.all_gather(good);
}

}  // namespace

FinishedBlocks find_finished(const RunContext& run, const std::vector<StagedOutput>& staged, const plan::Grid& grid) {
  std::vector<std::vector<std::uint64_t>> good;
  for (std::size_t p = 0; p < staged.size(); ++p) {
    if (staged[p].continued) good.push_back(good_blocks(run, staged[p], write_bits(run.work.products[p], run.work), grid));
    else good.emplace_back();
  }
  if (std::all_of(good.begin(), good.end(), [](const auto& blocks) { return blocks.empty(); })) return {};
  return {std::move(good), staged, grid.blocks()};
}

void take_over(const FinishedBlocks& finished, std::vector<ProductResult>& results) {
  for (std::size_t p = 0; p < results.size(); ++p) {
    if (results[p].outcome.refusal) continue;
    for (const auto block : finished.of(p)) {
      const auto& record = finished.record(p, block);
      results[p].hashes[block] = record.hash;
      results[p].outcome.counts += record.counts;
    }
  }
}

}  // namespace dare::pipeline
