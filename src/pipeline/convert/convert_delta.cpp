#include <dare/pipeline/convert_delta.hpp>

#include "checkpoint/kept_mask.hpp"
#include "pipeline/convert/delta_parts.hpp"
#include "pipeline/staged_output.hpp"

#include <dare/checkpoint/reader.hpp>
#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/pipeline/stop_signal.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>

namespace dare::pipeline {
namespace {

using checkpoint::k_kept_run;

struct Headers {
  checkpoint::Header model;
  checkpoint::Header base;
  template <class A>
  void archive(A& a) {
    a(model, base);
  }
};

plan::Grid grid_of(const std::vector<DeltaPart>& parts, const checkpoint::Header& model) {
  std::vector<plan::TensorLoad> loads;
  for (const auto& part : parts) {
    const auto& tensor = model.tensors[part.tensor];
    loads.push_back({tensor.elements, info(tensor.dtype).bits, 0, 0});
  }
  return plan::Grid{std::move(loads)};
}

checkpoint::OutputSpec output_spec(const DeltaOptions& options, const DeltaParts& parts, const checkpoint::Header& model,
                                   const KeptCounts& counts) {
  checkpoint::OutputSpec spec;
  checkpoint::DeltaText text{options.mask, options.base.string(), options.model.string(), {}};
  for (std::size_t p = 0; p < parts.parts.size(); ++p) {
    const auto& part = parts.parts[p];
    const auto& tensor = model.tensors[part.tensor];
    text.tensors.push_back({part.name, tensor.shape, part.packed});
    spec.tensors.push_back({part.name, tensor.dtype, part.packed ? Shape{counts.in_all[p]} : tensor.shape});
  }
  spec.tensors.push_back({checkpoint::k_kept_before, Dtype::u64, {counts.before.size()}});
  spec.metadata = nlohmann::ordered_json{{checkpoint::k_delta_key, to_json(text)}}.dump();
  spec.shard_size = options.run.shard_size;
  for (const auto& file : model.side_files) spec.side_files.push_back({file, checkpoint::read_side_file(model, file)});
  return spec;
}

// One rank's part of the writing.
class Packer {
 public:
  Packer(const DeltaOptions& options, const std::vector<DeltaPart>& parts, const checkpoint::Header& model, const KeptCounts& counts,
         checkpoint::CheckpointReader& reader, checkpoint::OutputWriter& writer)
      : options_{options}, parts_{parts}, model_{model}, counts_{counts}, reader_{reader}, writer_{writer} {}

  void run(const plan::Tile& tile) {
    const auto& part = parts_[tile.tensor];
    const auto& tensor = model_.tensors[part.tensor];
    const auto bits = info(tensor.dtype).bits;
    bytes_.resize((tile.elements * bits + 7) / 8);
    reader_.read(tensor, tile.first, bytes_);
    if (!part.packed) return writer_.write(tile.tensor, tile.first * bits / 8, bytes_);
    if (current_ != tile.tensor) kept_.emplace(options_.mask, part.name);
    current_ = tile.tensor;
    const auto item = bits / 8;
    std::size_t size = 0;
    // What is kept moves to the front of its own buffer.
    kept_->each(tile.first, tile.elements, [&](std::uint64_t i) {
      std::memmove(bytes_.data() + size, bytes_.data() + i * item, item);
      size += item;
    });
    writer_.write(tile.tensor, counts_.before[part.first_entry + tile.first / k_kept_run] * item, std::span{bytes_}.first(size));
  }

 private:
  const DeltaOptions& options_;
  const std::vector<DeltaPart>& parts_;
  const checkpoint::Header& model_;
  const KeptCounts& counts_;
  checkpoint::CheckpointReader& reader_;
  checkpoint::OutputWriter& writer_;
  std::optional<std::uint32_t> current_;
  std::optional<checkpoint::KeptMask> kept_;
  std::vector<std::byte> bytes_;
};

struct Made {
  std::filesystem::path root;
  checkpoint::OutputLayout layout;
  template <class A>
  void archive(A& a) {
    a(root, layout);
  }
};

Headers read_headers(const DeltaOptions& options) {
  check_output(options.output, options.run, 0);
  Headers headers{checkpoint::read_header(options.model), checkpoint::read_header(options.base)};
  for (const auto* header : {&headers.model, &headers.base}) {
    if (checkpoint::is_delta(*header))
      throw InputError{fmt::format("{}: a delta checkpoint; give the model that it was made from", header->root.string())};
  }
  return headers;
}

// Ends all ranks if a signal has come to any.
void stop_if_asked(const comm::Communicator& world) {
  const auto signal = static_cast<int>(world.all_reduce(StopSignal::received(), comm::Reduce::max));
  if (signal == 0) return;
  throw comm::AgreedError{ExitCode::interrupted, fmt::format("stopped by signal {} ({}); nothing is kept, the same command begins again",
                                                             signal, StopSignal::name(signal))};
}

void print_summary(const DeltaOptions& options, const DeltaParts& parts, const checkpoint::Header& model, std::uint64_t bytes) {
  if (!options.run.summary) return;
  std::uint64_t of_model = 0;
  for (const auto& part : parts.parts) of_model += model.tensors[part.tensor].bytes;
  if (!options.run.json) {
    fmt::print("{}: {} tensors, {} of {}\n", options.output.string(), parts.parts.size(), format_bytes(bytes), format_bytes(of_model));
    return;
  }
  const nlohmann::ordered_json json{
      {"output", options.output.string()},   {"tensors", parts.parts.size()}, {"bytes_of_model", of_model},   {"bytes_written", bytes},
      {"drop_rate", options.mask.drop_rate}, {"seed", options.mask.seed},     {"stream", options.mask.stream}};
  fmt::print("{}\n", json.dump(2));
}

}  // namespace

int convert_delta(const DeltaOptions& options, const comm::Communicator& world) {
  const StopSignal signals;
  const auto headers = world.from_root([&] { return read_headers(options); });
  const auto& model = headers.model;
  DeltaParts parts;
  world.agree([&] { parts = delta_parts(model, headers.base); });
  const auto grid = grid_of(parts.parts, model);
  const auto shares = plan::partition(grid, plan::remaining(grid, {}), world.size());
  const auto counts = count_kept(parts.parts, model, options.mask, grid, shares, world);

  std::optional<Staging> staging;  // rank 0's
  const auto made = world.from_root([&] {
    const auto spec = output_spec(options, parts, model, counts);
    const auto kind = checkpoint::output_kind(options.output);
    check_output(options.output, options.run, checkpoint::plan_output(kind, spec).total_bytes());
    staging.emplace(options.output);
    staging->start_afresh();
    return Made{staging->paths().temporary, checkpoint::create_output(staging->paths().temporary, kind, spec)};
  });
  const auto reader = checkpoint::open(model, world);
  world.agree([&] {
    checkpoint::OutputWriter writer{made.root, made.layout};
    Packer packer{options, parts.parts, model, counts, *reader, writer};
    for (plan::TileCursor cursor{grid, shares[static_cast<std::size_t>(world.rank())], k_kept_run};
         !cursor.done() && StopSignal::received() == 0;)
      packer.run(cursor.next());
    if (world.is_root()) writer.write(parts.parts.size(), 0, std::as_bytes(std::span{counts.before}));
    writer.sync();
    writer.close();
  });
  reader->close();
  stop_if_asked(world);
  world.agree([&] {
    if (!world.is_root()) return;
    staging->commit(options.run.overwrite);
    for (const auto& note : parts.notes) comm::print_message(options.run.program, note);
    print_summary(options, parts, model, made.layout.total_bytes());
  });
  return 0;
}

}  // namespace dare::pipeline
