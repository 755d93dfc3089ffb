#include <dare/pipeline/convert.hpp>

#include "checkpoint/file_names.hpp"
#include "checkpoint/stand_in.hpp"
#include "core/json_text.hpp"
#include "pipeline/edit_text.hpp"
#include "pipeline/source_path.hpp"
#include "pipeline/staging.hpp"
#include "pipeline/summary.hpp"
#include "pipeline/unfinished.hpp"

#include <dare/checkpoint/config_json.hpp>
#include <dare/checkpoint/delta.hpp>
#include <dare/checkpoint/link.hpp>
#include <dare/comm/environment.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/execute.hpp>
#include <dare/pipeline/output_place.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::pipeline {
namespace {

using Action = recipe::TensorTask::Action;

nlohmann::ordered_json to_json(const checkpoint::Selection& selection) {
  auto rename = nlohmann::ordered_json::array();
  for (const auto& [pattern, replacement] : selection.rename) rename.push_back({pattern, replacement});
  return {{"include", selection.include}, {"exclude", selection.exclude}, {"rename", std::move(rename)}};
}

// What a resumed run must share with the one before it.
std::string description(const ConvertOptions& options) {
  nlohmann::ordered_json json{{"operation", "convert"}, {"dtype", options.dtype ? std::string{name(*options.dtype)} : "as stored"}};
  if (options.overflow != merge::Overflow::error) json["overflow"] = "saturate";
  if (!options.selection.empty()) json["selection"] = to_json(options.selection);
  return json_text(json);  // patterns may be no UTF-8
}

recipe::MergeJob conversion(const checkpoint::Header& source, const ConvertOptions& options) {
  const auto dtype = options.dtype;
  recipe::MergeJob job;
  job.recipe_json = description(options);
  for (std::uint32_t t = 0; t < source.tensors.size(); ++t) {
    const auto& tensor = source.tensors[t];
    recipe::TensorTask task;
    task.tensor = t;
    task.shape = tensor.shape;
    task.settings.name = tensor.name;
    task.settings.base_dtype = tensor.dtype;
    task.settings.out_dtype = dtype && is_floating(tensor.dtype) ? *dtype : tensor.dtype;
    task.settings.overflow = options.overflow;
    task.action = task.settings.out_dtype == tensor.dtype ? Action::copy : Action::convert;
    job.tasks.push_back(std::move(task));
  }
  return job;
}

checkpoint::OutputSpec output_spec(const Work& work, const Product& product, const ConvertOptions& options) {
  checkpoint::OutputSpec spec;
  spec.tensors = output_tensors(work, product);
  spec.metadata = work.frame.metadata;
  spec.shard_size = options.run.shard_size;
  if (options.keep_shards && !options.dtype && options.selection.empty()) spec.source_headers = checkpoint::read_source_headers(work.frame);
  for (const auto& file : work.frame.side_files) {
    auto bytes = checkpoint::read_input_side_file(work.frame, file);
    if (file == checkpoint::k_config_file && options.dtype) {
      bytes = edit_text(bytes, [&](std::string_view text) { return checkpoint::with_torch_dtype(text, *options.dtype); });
    }
    spec.side_files.push_back({file, std::move(bytes)});
  }
  return spec;
}

// A view is small: rank 0 makes it alone.
void link(const checkpoint::Header& source, const ConvertOptions& options, const comm::Communicator& world) {
  world.agree([&] {
    if (checkpoint::output_kind(options.output) != checkpoint::OutputKind::hdf5)
      throw UsageError{fmt::format("{}: a link view is an HDF5 file; give a name that ends in .h5", options.output.string())};
    if (options.dtype) throw UsageError{"--link leaves the weights where they are, --dtype changes them; give one of the two"};
    if (!world.is_root()) return;
    check_output(options.output, options.run, 0);
    Staging staging{options.output};
    remove_unfinished(staging, options.run);
    checkpoint::create_link_view(staging.paths().temporary, source, options.selection.empty());
    staging.commit(options.run.overwrite);
    if (!options.run.summary) return;
    const nlohmann::ordered_json json{
        {"output", options.output.string()}, {"tensors", source.tensors.size()}, {"view_of", source.root.string()}};
    comm::write_result(options.run.json ? json_lines(json)
                                        : fmt::format("{}: a view of {} in {}\n", options.output.string(),
                                                      plural(source.tensors.size(), "tensor"), source.root.string()),
                       summary_of(options.output));
  });
}

// Rank 0's part. Of an output that one resumes, staging says more.
checkpoint::Header read_source(const ConvertOptions& options) {
  checkpoint::Header source;
  Problems problems;
  problems.attempt([&] {
    source = checkpoint::read_header(options.source);
    if (!options.selection.empty() && checkpoint::is_delta(source)) {
      throw UsageError{
          fmt::format("{}: a delta checkpoint, whose tensors belong together; select and rename the model that it was made from, then make "
                      "it again",
                      options.source.string())};
    }
    checkpoint::refuse_pointers_beside(source);
    source = checkpoint::select(std::move(source), options.selection);
  });
  problems.attempt([&] {
    refuse_output_over(source, options.output);
    if (options.run.resumes()) check_output_folder(options.output);
    else check_output(options.output, options.run, 0);
  });
  problems.throw_if_any();
  return source;
}

}  // namespace

int convert(const ConvertOptions& options, const comm::Communicator& world) {
  Work work;
  work.frame = world.from_root([&] { return read_source(options); });
  if (const auto shards = world.is_root() ? shards_of(options.source) : std::nullopt; shards && *shards > 1) {
    work.frame.notes.push_back(fmt::format("{}: one of {} shards, converted without the others; their folder is the whole model",
                                           options.source.string(), *shards));
  }
  if (world.is_root() && options.run.log_level != LogLevel::error) {
    for (const auto& note : work.frame.notes) comm::print_message(options.run.program, note);
  }
  if (options.link) {
    link(work.frame, options, world);
    return 0;
  }
  work.products.push_back({conversion(work.frame, options), options.output, {}, false});
  auto& product = work.products.front();
  product.output_spec = [&] { return output_spec(work, product, options); };
  const auto outcomes = execute(work, options.run, world).outcomes;
  if (outcomes.front().refusal) throw comm::AgreedError{*outcomes.front().refusal};
  return 0;
}

}  // namespace dare::pipeline
