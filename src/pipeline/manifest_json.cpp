#include "pipeline/manifest_json.hpp"

#include "core/bounded_json.hpp"

#include <string>

namespace dare::pipeline {

nlohmann::ordered_json parse_manifest_json(std::string_view text, const TakeTensor& take) {
  std::string section;
  bool of_deltas = false;
  return parse_bounded<nlohmann::ordered_json>(
      text, {}, [&](int depth, nlohmann::ordered_json::parse_event_t event, const nlohmann::ordered_json& value) {
        if (event == nlohmann::ordered_json::parse_event_t::key && depth == 1) section = value.get<std::string>();
        if (event == nlohmann::ordered_json::parse_event_t::value && section == "outputs" && depth == 1 && value == "delta")
          of_deltas = true;
        if (event != nlohmann::ordered_json::parse_event_t::object_end || depth != 2 || section != "tensors") return true;
        if (take) take(value, of_deltas);
        return false;
      });
}

}  // namespace dare::pipeline
