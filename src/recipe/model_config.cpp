#include <dare/recipe/model_config.hpp>

#include "checkpoint/file_names.hpp"
#include "checkpoint/stand_in.hpp"
#include "core/bounded_json.hpp"

#include <dare/core/error.hpp>
#include <dare/core/plural.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dare::recipe {
namespace {

constexpr std::array<std::string_view, 2> k_quantization_entries{"quantization_config", "compression_config"};
constexpr std::array<std::string_view, 2> k_method_names{"quant_method", "quant_type"};

// Families whose head is the embeddings unless their config says otherwise: transformers leaves an entry out that holds a class's default.
// Only those whose default has been the same in every version.
constexpr std::array<std::string_view, 15> k_tied_by_default{"bert",        "bloom",   "cohere", "cohere2",     "falcon",
                                                             "gemma",       "gemma2",  "gemma3", "gemma3_text", "gpt2",
                                                             "gpt_bigcode", "gpt_neo", "mpt",    "opt",         "t5"};

bool ties_embeddings(const nlohmann::json& config) {
  if (const auto said = config.find("tie_word_embeddings"); said != config.end()) return said->is_boolean() && said->get<bool>();
  const auto type = config.find("model_type");
  if (type == config.end() || !type->is_string()) return false;
  return std::find(k_tied_by_default.begin(), k_tied_by_default.end(), type->get_ref<const std::string&>()) != k_tied_by_default.end();
}

std::optional<std::string> quantization_of(const nlohmann::json& config) {
  const auto text = config.find("text_config");
  for (const auto entry : k_quantization_entries) {
    for (const auto* const part : {&config, text == config.end() ? nullptr : &*text}) {
      if (part == nullptr || !part->is_object()) continue;
      const auto found = part->find(entry);
      if (found == part->end() || found->is_null() || found->empty()) continue;
      for (const auto method : k_method_names) {
        if (found->is_object() && found->contains(method) && (*found)[std::string{method}].is_string()) {
          return (*found)[std::string{method}].get<std::string>();
        }
      }
      return "unnamed";
    }
  }
  return std::nullopt;
}

}  // namespace

ModelConfig parse_model_config(std::string_view text, const std::string& where) {
  const auto refuse = [&](const std::string& why) {
    throw InputError{
        fmt::format("{}: its {} are no JSON object{}; fetch it again, or take it away", where, plural(text.size(), "byte"), why)};
  };
  nlohmann::json json;
  try {
    json = parse_bounded<nlohmann::json>(text, JsonBounds{.keys = 100'000, .unique_keys = false});
  } catch (const JsonError& error) { refuse(fmt::format(" ({})", error.what())); }
  if (!json.is_object()) refuse("");
  return {quantization_of(json), ties_embeddings(json)};
}

std::optional<ModelConfig> read_model_config(const checkpoint::Header& header) {
  const auto& files = header.side_files;
  if (std::find(files.begin(), files.end(), checkpoint::k_config_file) == files.end()) return std::nullopt;
  const auto bytes = checkpoint::read_input_side_file(header, std::string{checkpoint::k_config_file});
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  checkpoint::refuse_pointer((header.folder.empty() ? header.root : header.folder) / checkpoint::k_config_file, text);
  return parse_model_config(text, fmt::format("{}: {}", header.root.string(), checkpoint::k_config_file));
}

std::optional<ModelConfig> note_config(checkpoint::Header& header) {
  auto config = read_model_config(header);
  header.ties_embeddings = config && config->ties_embeddings;
  return config;
}

}  // namespace dare::recipe
