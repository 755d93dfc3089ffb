#include "pipeline/merge_work.hpp"

#include <dare/checkpoint/config_dtype.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace dare::pipeline {

checkpoint::OutputSpec merge_output_spec(const Work& work, const Product& product, const recipe::Recipe& recipe, const RunOptions& run) {
  checkpoint::OutputSpec spec;
  spec.tensors = output_tensors(work, product);
  spec.metadata = work.frame.metadata.empty() ? R"({"format":"pt"})" : work.frame.metadata;
  spec.shard_size = run.shard_size;
  auto frame = work.frame;
  frame.root = recipe.frame().path;
  for (const auto& file : work.frame.side_files) {
    auto bytes = checkpoint::read_side_file(frame, file);
    if (file == "config.json" && recipe.output_dtype()) {
      const auto text = checkpoint::with_torch_dtype({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, *recipe.output_dtype());
      bytes.resize(text.size());
      std::memcpy(bytes.data(), text.data(), text.size());
    }
    spec.side_files.push_back({file, std::move(bytes)});
  }
  return spec;
}

void refuse_output_among_inputs(const recipe::Recipe& recipe, const std::filesystem::path& output) {
  namespace fs = std::filesystem;
  const auto place = fs::weakly_canonical(output.has_filename() ? output : output.parent_path());
  const auto check = [&](const recipe::Source& source) {
    const auto input = fs::weakly_canonical(source.path);
    const auto [in_input, in_place] = std::mismatch(input.begin(), input.end(), place.begin(), place.end());
    if (in_input == input.end() || in_place == place.end())
      throw UsageError{fmt::format("{}: OUTPUT and the input {} lie in each other; name another output", output.string(), source.written)};
  };
  check(recipe.frame());
  for (const auto& model : recipe.models) check(model);
}

}  // namespace dare::pipeline
