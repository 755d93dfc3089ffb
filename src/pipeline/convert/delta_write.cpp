#include "pipeline/convert/delta_write.hpp"

#include "checkpoint/kept_mask.hpp"
#include "pipeline/inputs.hpp"

#include <dare/checkpoint/reader.hpp>
#include <dare/core/error.hpp>
#include <dare/core/packed.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>

namespace dare::pipeline {
namespace {

using checkpoint::k_kept_run;

plan::Grid grid_of_parts(const std::vector<DeltaPart>& parts, const checkpoint::Header& model) {
  std::vector<plan::TensorLoad> loads;
  for (const auto& part : parts) {
    const auto& tensor = model.tensors[part.tensor];
    loads.push_back({tensor.elements, info(tensor.dtype).bits, 0, 0});
  }
  return plan::Grid{std::move(loads)};
}

// One rank's part of the writing.
class Packer {
 public:
  Packer(const DeltaPlan& plan, const checkpoint::Header& model, const std::vector<DeltaFiles>& files, checkpoint::CheckpointReader& reader)
      : plan_{plan}, model_{model}, reader_{reader}, outputs_(plan.masks.size()) {
    for (std::size_t m = 0; m < files.size(); ++m) outputs_[m].writer.emplace(files[m].root, files[m].layout);
  }

  void run(const plan::Tile& tile) {
    const auto& part = plan_.parts.parts[tile.tensor];
    const auto& tensor = model_.tensors[part.tensor];
    const auto bits = info(tensor.dtype).bits;
    bytes_.resize(packed_bytes(tile.elements, bits));
    reader_.read(tensor, tile.first, bytes_);
    if (part.packed && !plan_.keeps_nonfinite) refuse_nonfinite(tensor, tile.first);
    for (std::size_t m = 0; m < outputs_.size(); ++m) {
      auto& output = outputs_[m];
      if (part.packed) {
        const auto kept = pack(m, tile, bits / 8);
        write(m, tile.tensor, plan_.counts[m].before[part.first_entry + tile.first / k_kept_run] * (bits / 8), kept);
        output.hasher.update(kept);
      } else {
        write(m, tile.tensor, tile.first * bits / 8, bytes_);
        output.hasher.update(bytes_);
      }
      if (!tile.ends_block) continue;
      output.hashes.push_back(output.hasher.digest());
      output.hasher.reset();
    }
    current_ = tile.tensor;
  }

  // Rank 0 alone.
  void write_counts() {
    for (std::size_t m = 0; m < outputs_.size(); ++m)
      write(m, plan_.parts.parts.size(), 0, std::as_bytes(std::span{plan_.counts[m].before}));
  }

  void finish() {
    for (auto& output : outputs_) {
      if (!output.writer) continue;
      output.writer->sync();
      output.writer->close();
    }
  }

  [[nodiscard]] const std::vector<Hash128>& hashes(std::size_t mask) const { return outputs_[mask].hashes; }

 private:
  struct Output {
    std::optional<checkpoint::OutputWriter> writer;  // nothing where it is hashed alone
    std::optional<checkpoint::KeptMask> kept;        // of the tensor at hand
    Hasher128 hasher;
    std::vector<Hash128> hashes;  // of this rank's blocks, in order
  };

  // A merge of the model would refuse them, dropped or not; of a delta checkpoint it sees only what is kept.
  void refuse_nonfinite(const checkpoint::TensorInfo& tensor, std::uint64_t first) const {
    if (merge::count_nonfinite(tensor.dtype, bytes_) == 0) return;
    const auto size = info(tensor.dtype).bits / 8;
    std::size_t i = 0;
    while (merge::count_nonfinite(tensor.dtype, std::span{bytes_}.subspan(i * size, size)) == 0) ++i;
    throw InputError{
        fmt::format("{}: tensor \"{}\": element {} is infinite or NaN; the file is damaged or its training diverged; a merge of "
                    "the model itself takes it with nonfinite: keep",
                    model_.root.string(), tensor.name, first + i)};
  }

  void write(std::size_t m, std::size_t tensor, std::uint64_t offset, std::span<const std::byte> data) {
    if (outputs_[m].writer) outputs_[m].writer->write(tensor, offset, data);
  }

  std::span<const std::byte> pack(std::size_t m, const plan::Tile& tile, std::size_t item) {
    auto& kept = outputs_[m].kept;
    if (!kept || current_ != tile.tensor) kept.emplace(plan_.masks[m], plan_.parts.parts[tile.tensor].name);
    packed_.resize(bytes_.size());
    const auto copy = [&](auto size) {  // a size that the compiler knows where it can
      std::size_t written = 0;
      kept->each(tile.first, tile.elements, [&](std::uint64_t i) {
        std::memcpy(packed_.data() + written, bytes_.data() + i * size, size);
        written += size;
      });
      return written;
    };
    const auto written = item == 2   ? copy(std::integral_constant<std::size_t, 2>{})
                         : item == 4 ? copy(std::integral_constant<std::size_t, 4>{})
                                     : copy(item);
    return std::span{packed_}.first(written);
  }

  const DeltaPlan& plan_;
  const checkpoint::Header& model_;
  checkpoint::CheckpointReader& reader_;
  std::vector<Output> outputs_;
  std::optional<std::uint32_t> current_;
  std::vector<std::byte> bytes_;
  std::vector<std::byte> packed_;
};

}  // namespace

DeltaPlan plan_deltas(const checkpoint::Header& model, const checkpoint::Header& base, std::vector<checkpoint::DeltaMask> masks,
                      const comm::Communicator& world) {
  DeltaPlan result;
  result.masks = std::move(masks);
  world.agree([&] { result.parts = delta_parts(model, base); });
  result.grid = grid_of_parts(result.parts.parts, model);
  result.shares = plan::partition(result.grid, plan::remaining(result.grid, {}), world.size());
  for (const auto& mask : result.masks)
    result.counts.push_back(count_kept(result.parts.parts, model, mask, result.grid, result.shares, world));
  return result;
}

checkpoint::OutputSpec delta_spec(const DeltaPlan& plan, std::size_t mask, const checkpoint::Header& model,
                                  const checkpoint::DeltaOrigin& origin, std::uint64_t shard_size) {
  checkpoint::OutputSpec spec;
  checkpoint::DeltaText text{plan.masks[mask], origin, {}};
  const auto& counts = plan.counts[mask];
  for (std::size_t p = 0; p < plan.parts.parts.size(); ++p) {
    const auto& part = plan.parts.parts[p];
    const auto& tensor = model.tensors[part.tensor];
    text.tensors.push_back({part.name, tensor.shape, part.packed});
    spec.tensors.push_back({part.name, tensor.dtype, part.packed ? Shape{counts.in_all[p]} : tensor.shape});
  }
  spec.tensors.push_back({checkpoint::k_kept_before, Dtype::u64, {counts.before.size()}});
  spec.metadata = nlohmann::ordered_json{{checkpoint::k_delta_key, to_json(text)}}.dump();
  spec.shard_size = shard_size;
  for (const auto& file : model.side_files) spec.side_files.push_back({file, checkpoint::read_input_side_file(model, file)});
  return spec;
}

std::vector<Hash128> write_deltas(const DeltaPlan& plan, const checkpoint::Header& model, const std::vector<DeltaFiles>& files,
                                  const comm::Communicator& world) {
  const auto reader = checkpoint::open(model, world);
  std::optional<Packer> packer;
  try {
    world.agree([&] {
      packer.emplace(plan, model, files, *reader);
      plan::TileCursor cursor{plan.grid, plan.shares[static_cast<std::size_t>(world.rank())], k_kept_run};
      while (!cursor.done() && StopSignal::received() == 0) packer->run(cursor.next());
      if (world.is_root()) packer->write_counts();
      packer->finish();
    });
  } catch (const comm::AgreedError&) {
    close_after_failure(*reader);
    throw;
  }
  reader->close();
  std::vector<Hash128> result;
  for (std::size_t m = 0; m < plan.masks.size(); ++m) {
    const auto hashes = world.all_gather(packer->hashes(m));  // shares are consecutive
    result.push_back(hash128(std::as_bytes(std::span{hashes})));
  }
  return result;
}

}  // namespace dare::pipeline
