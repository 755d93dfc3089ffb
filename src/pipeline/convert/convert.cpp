#include <dare/pipeline/convert.hpp>

#include "pipeline/staged_output.hpp"

#include <dare/checkpoint/config_dtype.hpp>
#include <dare/checkpoint/link.hpp>
#include <dare/pipeline/execute.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>

namespace dare::pipeline {
namespace {

using Action = recipe::TensorTask::Action;

recipe::MergeJob conversion(const checkpoint::Header& source, std::optional<Dtype> dtype) {
  recipe::MergeJob job;
  job.recipe_json = nlohmann::ordered_json{{"operation", "convert"}, {"dtype", dtype ? std::string{name(*dtype)} : "as stored"}}.dump();
  for (std::uint32_t t = 0; t < source.tensors.size(); ++t) {
    const auto& tensor = source.tensors[t];
    recipe::TensorTask task;
    task.tensor = t;
    task.shape = tensor.shape;
    task.settings.name = tensor.name;
    task.settings.base_dtype = tensor.dtype;
    task.settings.out_dtype = dtype && is_floating(tensor.dtype) ? *dtype : tensor.dtype;
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
  if (options.keep_shards && !options.dtype) spec.source_headers = checkpoint::read_source_headers(work.frame);
  for (const auto& file : work.frame.side_files) {
    auto bytes = checkpoint::read_side_file(work.frame, file);
    if (file == "config.json" && options.dtype) {
      const auto text = checkpoint::with_torch_dtype({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, *options.dtype);
      bytes.resize(text.size());
      std::memcpy(bytes.data(), text.data(), text.size());
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
    staging.start_afresh();
    checkpoint::create_link_view(staging.paths().temporary, source);
    staging.commit(options.run.overwrite);
    if (options.run.summary)
      fmt::print("{}: a view of {} tensors in {}\n", options.output.string(), source.tensors.size(), source.root.string());
  });
}

}  // namespace

int convert(const ConvertOptions& options, const comm::Communicator& world) {
  Work work;
  work.frame = world.from_root([&] { return checkpoint::read_header(options.source); });
  if (options.link) {
    link(work.frame, options, world);
    return 0;
  }
  work.products.push_back({conversion(work.frame, options.dtype), options.output, {}, false});
  auto& product = work.products.front();
  product.output_spec = [&] { return output_spec(work, product, options); };
  const auto outcomes = execute(work, options.run, world);
  if (outcomes.front().refusal) throw comm::AgreedError{*outcomes.front().refusal};
  return 0;
}

}  // namespace dare::pipeline
