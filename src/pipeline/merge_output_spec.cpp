#include <dare/pipeline/merge_output_spec.hpp>

#include "checkpoint/file_names.hpp"
#include "pipeline/edit_text.hpp"

#include <dare/checkpoint/config_json.hpp>

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace dare::pipeline {
namespace {

// The frame's config.json, with the type and the vocabulary that the output really has.
std::vector<std::byte> output_config(const std::vector<std::byte>& bytes, const Work& work, const Product& product,
                                     const recipe::Recipe& recipe) {
  return edit_text(bytes, [&](std::string_view stored) {
    std::string text{stored};
    if (recipe.output_dtype()) text = checkpoint::with_torch_dtype(text, *recipe.output_dtype());
    return checkpoint::with_vocab_size(text, longer_rows(work.frame, product.job));
  });
}

}  // namespace

std::map<std::uint64_t, std::uint64_t> longer_rows(const checkpoint::Header& frame, const recipe::MergeJob& job) {
  std::map<std::uint64_t, std::uint64_t> rows;
  std::set<std::uint64_t> unlike;
  for (const auto& task : job.tasks) {
    const auto& shape = frame.tensors[task.tensor].shape;
    if (shape == task.shape) continue;
    const auto [known, added] = rows.emplace(shape.front(), task.shape.front());
    if (!added && known->second != task.shape.front()) unlike.insert(shape.front());
  }
  for (const auto number : unlike) rows.erase(number);
  return rows;
}

checkpoint::OutputSpec merge_output_spec(const Work& work, const Product& product, const recipe::Recipe& recipe, const RunOptions& run) {
  checkpoint::OutputSpec spec;
  spec.tensors = output_tensors(work, product);
  // transformers loads no file whose metadata does not name the format.
  auto metadata = work.frame.metadata.empty() ? nlohmann::ordered_json::object() : nlohmann::ordered_json::parse(work.frame.metadata);
  if (!metadata.contains("format")) metadata["format"] = "pt";
  spec.metadata = metadata.dump();
  spec.shard_size = run.shard_size;
  auto frame = work.frame;
  frame.root = recipe.frame().path;
  for (const auto& file : work.frame.side_files) {
    auto bytes = checkpoint::read_input_side_file(frame, file);
    if (file == checkpoint::k_config_file) bytes = output_config(bytes, work, product, recipe);
    spec.side_files.push_back({file, std::move(bytes)});
  }
  return spec;
}

}  // namespace dare::pipeline
