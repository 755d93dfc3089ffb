#include "pipeline/gather.hpp"

#include <dare/core/packed.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dare::pipeline {
namespace {

constexpr int k_tile_tag = 1;
constexpr std::size_t k_under_way = 2;  // results that a member has sent and that may not have left yet

}  // namespace

// What is still to come from one member in this slice: every tile, for every product.
struct Gather::Flow {
  struct Incoming {
    plan::Tile tile;
    std::size_t product = 0;
    std::vector<std::byte> bytes;
    comm::Request request;
  };
  int member = 0;
  std::vector<plan::Share> slices;
  std::optional<plan::TileCursor> cursor;
  plan::Tile tile;                // the last one that the cursor gave
  std::size_t products_left = 0;  // of it, not yet asked for
  std::deque<Incoming> incoming;
  [[nodiscard]] bool all_asked() const { return products_left == 0 && (!cursor || cursor->done()); }
  [[nodiscard]] bool done() const { return incoming.empty() && all_asked(); }
};

Gather::Gather(const comm::Communicator& world, const plan::Plan& plan, const FinishedBlocks& finished, std::vector<Target>& targets,
               Timings& timings)
    : world_{world},
      plan_{plan},
      finished_{finished},
      targets_{targets},
      timings_{timings},
      my_writer_{plan.writer_of[static_cast<std::size_t>(world.rank())]} {
  outgoing_.resize(my_writer_ == world.rank() ? 1 : k_under_way + 1);
  if (my_writer_ == world.rank() && plan.run_elements > plan.tile_elements) {
    for (const auto& target : targets) {
      const auto bits = target.write_bits.empty() ? 0 : *std::max_element(target.write_bits.begin(), target.write_bits.end());
      runs_.emplace_back(plan.run_elements * bits / 8);
    }
  }
  for (int rank = 0; rank < world.size(); ++rank) {
    if (rank == world.rank() || plan.writer_of[static_cast<std::size_t>(rank)] != world.rank()) continue;
    auto flow = std::make_unique<Flow>();
    flow->member = rank;
    flow->slices = plan::slices(plan.grid, plan.shares[static_cast<std::size_t>(rank)], plan::k_slice_bytes);
    flows_.push_back(std::move(flow));
  }
  free_buffers_.resize(static_cast<std::size_t>(plan.active_members * plan::k_receives));
}

Gather::~Gather() = default;

std::uint64_t Gather::bytes_of(const plan::Tile& tile, std::size_t product) const {
  return packed_bytes(tile.elements, targets_[product].write_bits[tile.tensor]);
}

std::uint64_t Gather::offset_of(const plan::Tile& tile, std::size_t product) const {
  return tile.first * targets_[product].write_bits[tile.tensor] / 8;
}

void Gather::begin_slice(std::size_t round) {
  for (auto& flow : flows_) {
    flow->cursor.reset();
    if (round < flow->slices.size()) flow->cursor.emplace(plan_.grid, flow->slices[round], plan_.tile_elements);
  }
}

std::span<std::byte> Gather::space(const plan::Tile& tile, std::size_t product) {
  if (!runs_.empty()) {
    const auto offset = offset_of(tile, product);
    const auto size = bytes_of(tile, product);
    if (!runs_[product].takes(tile.tensor, offset, size)) write_run(product);
    return runs_[product].space(tile.tensor, offset, size);
  }
  auto& out = outgoing_[next_];
  if (out.request.active()) {
    const StageTimer timer{timings_, Stage::gather};
    out.request.wait();
  }
  out.bytes.resize(bytes_of(tile, product));
  return out.bytes;
}

void Gather::submit(const plan::Tile& tile, std::size_t product, bool good) {
  if (my_writer_ == world_.rank()) return submit_own(tile, product, good);
  auto& out = outgoing_[next_];
  const StageTimer timer{timings_, Stage::gather};
  out.request = world_.begin_send(good ? std::span<const std::byte>{out.bytes} : std::span<const std::byte>{}, my_writer_, k_tile_tag);
  next_ = (next_ + 1) % outgoing_.size();
}

void Gather::submit_own(const plan::Tile& tile, std::size_t product, bool good) {
  if (good && runs_.empty()) write(product, tile.tensor, offset_of(tile, product), outgoing_[next_].bytes);
  if (good && !runs_.empty()) {
    runs_[product].keep(bytes_of(tile, product));
    if (runs_[product].full()) write_run(product);
  }
  service(false);
}

void Gather::write_run(std::size_t product) {
  auto& run = runs_[product];
  if (!run.bytes().empty()) write(product, run.tensor(), run.offset(), run.bytes());
  run.clear();
}

void Gather::write(std::size_t product, std::uint32_t tensor, std::uint64_t offset, std::span<const std::byte> bytes) {
  if (failure_) return;
  const StageTimer timer{timings_, Stage::write};
  try {
    targets_[product].writer.write(tensor, offset, bytes);
  } catch (const Error& error) { failure_ = error; }
}

void Gather::take(Flow& flow, std::size_t size) {
  auto incoming = std::move(flow.incoming.front());
  flow.incoming.pop_front();
  if (size == incoming.bytes.size()) {
    write(incoming.product, incoming.tile.tensor, offset_of(incoming.tile, incoming.product), incoming.bytes);
  } else if (size != 0 && !failure_) {  // 0: the member could not make it, and says why
    failure_ = Error{ExitCode::failure,
                     fmt::format("a member sent {} bytes of a tile of {}: the ranks do not run one plan", size, incoming.bytes.size())};
  }
  free_buffers_.push_back(std::move(incoming.bytes));
}

// Keeps the window of receives full. MPI keeps the order of a member's messages: the n-th receive gets the n-th result.
void Gather::post(Flow& flow) {
  while (!flow.all_asked() && flow.incoming.size() < static_cast<std::size_t>(plan::k_receives)) {
    if (flow.products_left == 0) {
      flow.tile = flow.cursor->next();
      flow.products_left = targets_.size();
    }
    const auto product = targets_.size() - flow.products_left--;
    if (finished_.has(product, flow.tile.block)) continue;
    auto& incoming = flow.incoming.emplace_back();
    incoming.tile = flow.tile;
    incoming.product = product;
    incoming.bytes = std::move(free_buffers_.back());
    free_buffers_.pop_back();
    incoming.bytes.resize(bytes_of(incoming.tile, incoming.product));
    incoming.request = world_.begin_receive(incoming.bytes, flow.member, k_tile_tag);
  }
}

// Posts receives for the first unfinished members and takes what has come; with `wait` blocks where nothing has. False: all is done.
bool Gather::service(bool wait) {
  int active = 0;
  bool took = false;
  Flow* first = nullptr;
  for (auto& flow : flows_) {
    if (flow->done()) continue;
    if (active++ == plan_.active_members) break;
    if (first == nullptr) first = flow.get();
    while (!flow->incoming.empty()) {
      const auto size = flow->incoming.front().request.test();
      if (!size) break;
      take(*flow, *size);
      took = true;
    }
    post(*flow);
  }
  if (wait && first != nullptr && !took && !first->incoming.empty()) {
    std::size_t size = 0;
    {
      const StageTimer timer{timings_, Stage::gather};
      size = first->incoming.front().request.wait();
    }
    take(*first, size);
  }
  return first != nullptr;
}

void Gather::end_slice() {
  for (std::size_t product = 0; product < runs_.size(); ++product) write_run(product);
  while (service(true)) {}
  for (auto& out : outgoing_) {
    const StageTimer timer{timings_, Stage::gather};
    if (out.request.active()) out.request.wait();
  }
}

}  // namespace dare::pipeline
