#include <dare/pipeline/sources.hpp>

#include "checkpoint/file_names.hpp"
#include "checkpoint/stand_in.hpp"
#include "pipeline/source_path.hpp"

#include <dare/checkpoint/model_header.hpp>
#include <dare/recipe/quantization.hpp>

#include <fmt/format.h>

namespace dare::pipeline {
namespace {

enum class Role { model, other };

// Of an adapter's file under another name, or a model that was saved with its adapter.
void refuse_factors(const checkpoint::Header& header, const std::string& written) {
  if (!header.low_rank.empty()) return;
  for (const auto& tensor : header.tensors) {
    if (tensor.name.find(".lora_A.") == std::string::npos && tensor.name.find(".lora_embedding_A") == std::string::npos) continue;
    throw InputError{fmt::format("{}: tensor \"{}\" is a factor of a LoRA adapter; give the adapter's folder, with its {}", written,
                                 tensor.name, checkpoint::k_adapter_config_file)};
  }
}

// Every problem of every input is told at once.
checkpoint::Header read_source(const recipe::Source& source, Role role, std::string_view relative_to, Problems& problems) {
  if (source.path.empty()) return {};
  try {
    check_source(source, relative_to);
    auto header = checkpoint::read_model_header(source.path);
    if (header.delta && role != Role::model)
      throw InputError{fmt::format("{}: a delta checkpoint; it can only stand as a model, beside its base", source.path.string())};
    refuse_factors(header, source.written);
    const auto config = recipe::note_config(header);
    header.root = source.written;  // as the user wrote it: messages and the manifest say that; files keep their own paths
    if (const auto why = recipe::why_quantised(header, config)) problems.input(fmt::format("{}: {}", source.written, *why));
    return header;
  } catch (const Error& error) {
    problems.add(error);
    return {};
  }
}

}  // namespace

Sources read_sources(recipe::Recipe recipe, Problems& problems, std::string_view relative_to) {
  Sources sources{std::move(recipe), {}, {}, {}};
  for (const auto& model : sources.recipe.models) {
    sources.models.push_back(read_source(model, Role::model, relative_to, problems));
    if (model.auxiliary) sources.auxiliaries.push_back(read_source(*model.auxiliary, Role::other, relative_to, problems));
  }
  if (sources.recipe.base) sources.frame = read_source(*sources.recipe.base, Role::other, relative_to, problems);
  else if (!sources.models.empty()) sources.frame = sources.models.front();
  problems.attempt([&] { checkpoint::refuse_pointers_beside(sources.frame); });  // they go into the output
  if (!sources.frame.low_rank.empty()) {
    problems.input(
        fmt::format("{}: a LoRA adapter is no base; give the model that it was trained on as the base", sources.frame.root.string()));
  }
  return sources;
}

Sources read_sources(recipe::Recipe recipe, std::string_view relative_to) {
  Problems problems;
  auto sources = read_sources(std::move(recipe), problems, relative_to);
  problems.throw_if_any();
  return sources;
}

}  // namespace dare::pipeline
