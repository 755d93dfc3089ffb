#include <dare/compare/inspect.hpp>

#include "compare/inspect_report.hpp"

#include <dare/comm/environment.hpp>

#include <nlohmann/json.hpp>

namespace dare::compare {
namespace {

using Json = nlohmann::ordered_json;

struct Headers {
  std::vector<checkpoint::Header> checkpoints;
  std::optional<checkpoint::Header> base;
  template <class A>
  void archive(A& archive) {
    archive(checkpoints, base);
  }
};

// Every problem of every checkpoint is told at once.
Headers read_headers(const InspectOptions& options) {
  Headers headers;
  Problems problems;
  const auto read = [&](const std::filesystem::path& path) -> checkpoint::Header {
    try {
      return checkpoint::read_header(path);
    } catch (const Error& error) { problems.add(error); }
    return {};
  };
  if (options.base) headers.base = read(*options.base);
  for (const auto& path : options.checkpoints) headers.checkpoints.push_back(read(path));
  problems.throw_if_any();
  return headers;
}

}  // namespace

int inspect(const InspectOptions& options, const comm::Communicator& world) {
  const auto headers = world.from_root([&] { return read_headers(options); });
  auto list = Json::array();
  std::string text;
  for (const auto& header : headers.checkpoints) {
    if (!text.empty()) text += "\n";
    if (headers.base) {
      const auto pairing = with_base(header, *headers.base);
      const auto fitness = measure_fitness(header, *headers.base, pairing.pairs, options.dtype, world);
      const auto assessment = assess(fitness, pairing, header, *headers.base);
      const FitnessReport report{options, header, *headers.base, pairing, fitness, assessment};
      if (options.json) list.push_back(report.json());
      else text += report.text();
    } else if (options.json) {
      list.push_back(listing_json(header, options));
    } else {
      text += listing_text(header, options);
    }
  }
  if (options.json) text = Json{{"checkpoints", std::move(list)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  comm::print_result(world, text);
  return static_cast<int>(ExitCode::done);
}

}  // namespace dare::compare
