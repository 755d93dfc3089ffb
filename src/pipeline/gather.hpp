#pragma once
/// The way of finished tiles to the rank that writes them, in bounded windows.

#include "pipeline/finished_blocks.hpp"
#include "pipeline/tile_run.hpp"
#include "pipeline/timings.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/plan/plan.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace dare::pipeline {

/// Every rank has one. A writer writes its own tiles as they come, or in runs, and receives its members' between them; a member sends. Both
/// sides know every tile from the plan, so that a message is the tile's bytes and nothing else; an empty one stands for a tile that failed.
class Gather {
 public:
  /// Where one product's tiles go.
  struct Target {
    std::vector<std::uint64_t> write_bits;  ///< per tensor, the size of an output element
    checkpoint::OutputWriter writer;
  };

  /// All references must outlive it.
  Gather(const comm::Communicator& world, const plan::Plan& plan, const FinishedBlocks& finished, std::vector<Target>& targets,
         Timings& timings);
  ~Gather();

  /// Enters slice number `round` of every rank.
  void begin_slice(std::size_t round);
  /// Space for the next result's bytes; may wait for an earlier one to leave. Every tile of a slice comes once for every
  /// product that has not finished its block, in order.
  [[nodiscard]] std::span<std::byte> space(const plan::Tile& tile, std::size_t product);
  /// Hands on the result whose bytes stand in the last space(). One that is not `good` is not written.
  void submit(const plan::Tile& tile, std::size_t product, bool good);
  /// Waits until all tiles of this slice, members' too, have been handed on or written.
  void end_slice();
  /// An error of writing, kept until here so that no member waits for a writer that has left; nothing if all went well.
  [[nodiscard]] const std::optional<Error>& failure() const noexcept { return failure_; }

 private:
  struct Flow;
  struct Outgoing {
    std::vector<std::byte> bytes;
    comm::Request request;
  };
  [[nodiscard]] std::uint64_t bytes_of(const plan::Tile& tile, std::size_t product) const;
  [[nodiscard]] std::uint64_t offset_of(const plan::Tile& tile, std::size_t product) const;
  void write(std::size_t product, std::uint32_t tensor, std::uint64_t offset, std::span<const std::byte> bytes);
  void write_run(std::size_t product);
  void submit_own(const plan::Tile& tile, std::size_t product, bool good);
  void take(Flow& flow, std::size_t size);
  void post(Flow& flow);
  bool service(bool wait);

  const comm::Communicator& world_;
  const plan::Plan& plan_;
  const FinishedBlocks& finished_;
  std::vector<Target>& targets_;
  Timings& timings_;
  int my_writer_;
  std::vector<Outgoing> outgoing_;
  std::size_t next_ = 0;
  std::vector<TileRun> runs_;                 // of a writer's own results, one a product; none where each tile is written by itself
  std::vector<std::unique_ptr<Flow>> flows_;  // one a member; the first active_members unfinished ones receive
  std::vector<std::vector<std::byte>> free_buffers_;
  std::optional<Error> failure_;
};

}  // namespace dare::pipeline
