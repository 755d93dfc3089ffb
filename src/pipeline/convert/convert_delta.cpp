#include <dare/pipeline/convert_delta.hpp>

#include "checkpoint/stand_in.hpp"
#include "core/json_text.hpp"
#include "pipeline/convert/delta_write.hpp"
#include "pipeline/staging.hpp"
#include "pipeline/summary.hpp"
#include "pipeline/unfinished.hpp"

#include <dare/checkpoint/reader.hpp>
#include <dare/comm/environment.hpp>
#include <dare/core/byte_size.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/output_place.hpp>
#include <dare/pipeline/stop_signal.hpp>
#include <dare/recipe/model_config.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::pipeline {
namespace {

struct Headers {
  checkpoint::Header model;
  checkpoint::Header base;
  template <class A>
  void archive(A& a) {
    a(model, base);
  }
};

Headers read_headers(const DeltaOptions& options) {
  Headers headers;
  Problems problems;
  const auto read = [&](const std::filesystem::path& path, checkpoint::Header& header) {
    problems.attempt([&] {
      header = checkpoint::read_header(path);
      if (checkpoint::is_delta(header))
        throw InputError{fmt::format("{}: a delta checkpoint; give the model that it was made from", header.root.string())};
      recipe::note_config(header);
    });
  };
  read(options.model, headers.model);
  read(options.base, headers.base);
  problems.attempt([&] { checkpoint::refuse_pointers_beside(headers.model); });
  problems.attempt([&] {
    refuse_output_over(headers.model, options.output);
    refuse_output_over(headers.base, options.output);
    check_output(options.output, options.run, 0);
  });
  problems.throw_if_any();
  return headers;
}

void print_summary(const DeltaOptions& options, const DeltaParts& parts, const checkpoint::Header& model, std::uint64_t bytes) {
  if (!options.run.summary) return;
  std::uint64_t of_model = 0;
  for (const auto& part : parts.parts) of_model += model.tensors[part.tensor].bytes;
  if (!options.run.json) {
    comm::write_result(fmt::format("{}: {}, {} of {}\n", options.output.string(), plural(parts.parts.size(), "tensor"), format_bytes(bytes),
                                   format_bytes(of_model)),
                       summary_of(options.output));
    return;
  }
  const nlohmann::ordered_json json{
      {"output", options.output.string()},   {"tensors", parts.parts.size()}, {"bytes_of_model", of_model},   {"bytes_written", bytes},
      {"drop_rate", options.mask.drop_rate}, {"seed", options.mask.seed},     {"stream", options.mask.stream}};
  comm::write_result(json_lines(json), summary_of(options.output));
}

}  // namespace

int convert_delta(const DeltaOptions& options, const comm::Communicator& world) {
  const StopSignal signals;
  const auto headers = world.from_root([&] { return read_headers(options); });
  const auto& model = headers.model;
  const auto plan = plan_deltas(model, headers.base, {options.mask}, world);
  std::optional<Staging> staging;  // rank 0's
  const auto made = world.from_root([&] {
    const auto spec = delta_spec(plan, 0, model, {options.base.string(), options.model.string()}, options.run.shard_size);
    const auto kind = checkpoint::output_kind(options.output);
    check_output(options.output, options.run, checkpoint::plan_output(kind, spec).total_bytes());
    staging.emplace(options.output);
    remove_unfinished(*staging, options.run);
    return DeltaFiles{staging->paths().temporary, checkpoint::create_output(staging->paths().temporary, kind, spec)};
  });
  (void)write_deltas(plan, model, {made}, world);
  StopSignal::agree(world, "; nothing is kept, the same command begins again");
  world.agree([&] {
    if (!world.is_root()) return;
    checkpoint::check_unchanged(model);
    staging->commit(options.run.overwrite);
    for (const auto* const notes : {&model.notes, &plan.parts.notes}) {
      if (options.run.log_level == LogLevel::error) break;
      for (const auto& note : *notes) comm::print_message(options.run.program, note);
    }
    print_summary(options, plan.parts, model, made.layout.total_bytes());
  });
  return 0;
}

}  // namespace dare::pipeline
