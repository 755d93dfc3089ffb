#include "pipeline/manifest_json.hpp"

#include "core/bounded_json.hpp"

#include <string>

namespace dare::pipeline {

nlohmann::ordered_json parse_manifest_json(std::string_view text, const TakeTensor& take) {
  using Json = nlohmann::ordered_json;
  std::string section;
  bool of_deltas = false;
  return parse_bounded<Json>(text, {}, [&](int depth, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::key && depth == 1) section = value.get<std::string>();
    if (event == Json::parse_event_t::value && section == "outputs" && depth == 1 && value == "delta") of_deltas = true;
    if (event != Json::parse_event_t::object_end || depth != 2 || section != "tensors") return true;
    if (take) take(value, of_deltas);
    return false;
  });
}

}  // namespace dare::pipeline
