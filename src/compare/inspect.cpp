#include <dare/compare/inspect.hpp>

#include "compare/inspect_report.hpp"
#include "core/json_text.hpp"
#include "core/table.hpp"

#include <dare/checkpoint/delta.hpp>
#include <dare/checkpoint/lora.hpp>
#include <dare/checkpoint/model_header.hpp>
#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/recipe/quantization.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dare::compare {
namespace {

using Json = nlohmann::ordered_json;

struct Headers {
  std::vector<checkpoint::Header> checkpoints;
  std::optional<checkpoint::Header> base;
  std::vector<checkpoint::DeltaOrigin> origins;   // without a base, one a checkpoint
  std::vector<std::optional<std::string>> codes;  // beside a base, one a checkpoint: why it holds codes rather than weights, if it does
  template <class A>
  void archive(A& archive) {
    archive(checkpoints, base, origins, codes);
  }
};

// The model that an adapter's configuration says it was trained on; it has been read and found good.
std::string base_of_adapter(const checkpoint::Header& header) {
  const auto config = nlohmann::json::parse(read_text(header.consulted.back().path), nullptr, false);
  const auto found = config.is_object() ? config.find("base_model_name_or_path") : config.end();
  return found != config.end() && found->is_string() ? found->get<std::string>() : "";
}

// Makes of a delta checkpoint's header that of the model, unless it is damaged: then it is listed as it is.
checkpoint::DeltaOrigin take_apart(checkpoint::Header& header) {
  if (!header.low_rank.empty()) return {base_of_adapter(header), ""};
  if (!checkpoint::is_delta(header)) return {};
  auto origin = checkpoint::delta_origin(header);
  try {
    header = checkpoint::unpacked(checkpoint::Header{header});
  } catch (const InputError&) {}
  return origin;
}

// Every problem of every checkpoint is told at once.
Headers read_headers(const InspectOptions& options) {
  Headers headers;
  Problems problems;
  const auto read = [&](const std::filesystem::path& path, bool as_model) -> checkpoint::Header {
    try {
      return as_model ? checkpoint::read_model_header(path) : checkpoint::read_header(path);
    } catch (const Error& error) { problems.add(error); }
    return {};
  };
  if (options.base) headers.base = read(*options.base, false);
  if (headers.base && checkpoint::is_delta(*headers.base))
    problems.input(
        fmt::format("{}: a delta checkpoint is no base; give the model that the others were trained from", options.base->string()));
  for (const auto& path : options.checkpoints) {
    headers.checkpoints.push_back(read(path, options.base || checkpoint::is_lora_adapter(path)));
    if (!options.base) headers.origins.push_back(take_apart(headers.checkpoints.back()));
  }
  problems.throw_if_any();
  for (const auto& header : headers.checkpoints) {
    if (!headers.base) break;
    try {
      headers.codes.push_back(recipe::why_quantised(header, recipe::read_model_config(header)));
    } catch (const Error& error) { problems.add(error); }
  }
  problems.throw_if_any();
  return headers;
}

void tell_notes(const checkpoint::Header& header, const std::string& program) {
  for (const auto& note : header.notes) comm::print_message(program, note);
}

}  // namespace

int inspect(const InspectOptions& options, const comm::Communicator& world) {
  const auto headers = world.from_root([&] { return read_headers(options); });
  if (world.is_root()) {
    if (headers.base) tell_notes(*headers.base, options.program);
    for (const auto& header : headers.checkpoints) tell_notes(header, options.program);
  }
  auto list = Json::array();
  std::string text;
  const auto columns = terminal_columns();
  bool all_compared = true;
  for (std::size_t c = 0; c < headers.checkpoints.size(); ++c) {
    const auto& header = headers.checkpoints[c];
    if (!text.empty()) text += "\n";
    if (headers.base) {
      const auto pairing = with_base(header, *headers.base);
      const auto fitness = measure_fitness(header, *headers.base, pairing.pairs, options.dtype, world);
      const auto assessment = assess(fitness, pairing, headers.codes[c], header, *headers.base);
      all_compared = all_compared && !pairing.pairs.empty();
      const FitnessReport report{options, header, *headers.base, pairing, fitness, assessment};
      if (options.json) list.push_back(report.json());
      else text += report.text(columns);
    } else if (options.json) {
      list.push_back(listing_json(header, headers.origins[c], options));
    } else {
      text += listing_text(header, headers.origins[c], options, columns);
    }
  }
  if (options.json) text = json_lines(Json{{"checkpoints", std::move(list)}});
  world.agree([&] {
    if (!world.is_root()) return;
    for (const auto& header : headers.checkpoints) checkpoint::check_unchanged(header);
    if (headers.base) checkpoint::check_unchanged(*headers.base);
  });
  comm::print_result(world, text);
  return static_cast<int>(all_compared ? ExitCode::done : ExitCode::input);
}

}  // namespace dare::compare
