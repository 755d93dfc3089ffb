#include <dare/checkpoint/delta.hpp>

#include "core/json_fields.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>
#include <dare/core/tensor_size.hpp>
#include <dare/random/drop_stream.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace dare::checkpoint {
namespace {

using Json = nlohmann::ordered_json;
using Parsed = nlohmann::json;  // whose objects take any number of keys

constexpr std::uint64_t k_delta_version = 1;
constexpr std::uint64_t k_most_entries = std::uint64_t{1} << 60U;  // far below where their sum would wrap

std::optional<std::string> text_of(const Header& header) {
  if (header.metadata.empty()) return std::nullopt;
  const auto metadata = Parsed::parse(header.metadata, nullptr, false);  // of texts, as the readers see to
  if (!metadata.is_object() || !metadata.contains(k_delta_key) || !metadata[k_delta_key].is_string()) return std::nullopt;
  return metadata[k_delta_key].get<std::string>();
}

// Hands out the entries of "tensors" one by one; returns the rest.
template <class Take>
Parsed parse_tensors(std::string_view text, Take&& take) {
  using Event = Parsed::parse_event_t;
  std::string section;
  return parse_bounded<Parsed>(text, JsonBounds{.levels = 4}, [&](int depth, Event event, const Parsed& value) {
    if (depth == 1 && event == Event::key) section = value.get<std::string>();
    const bool is_entry = section == "tensors" && depth == 2 && event != Event::object_start && event != Event::array_start;
    if (is_entry) take(value);
    return !is_entry;
  });
}

// From what is stored to what it stands for.
class Unpacking {
 public:
  explicit Unpacking(Header stored) : header_{std::move(stored)} {}

  Header run() {
    try {
      const auto stored = std::move(header_.tensors);
      header_.tensors.clear();
      std::size_t described = 0;
      const auto text = text_of(header_).value();
      const auto head = parse_tensors(text, [](const Parsed&) {});  // first, for what a newer version says of tensors may be anything
      read_mask(head);
      (void)list_field(head, "", "tensors");
      (void)parse_tensors(text, [&](const Parsed& json) {
        if (described + 1 < stored.size()) add(json, stored[described]);
        ++described;
      });
      if (described + 1 != stored.size()) {
        refuse(fmt::format("{} tensors are described, {} are there beside {}", described, stored.empty() ? 0 : stored.size() - 1,
                           k_kept_before));
      }
      add_counts(stored.back());
    } catch (const JsonError& error) {
      refuse(fmt::format("no valid description of a delta checkpoint ({})", printable(error.what(), 200)));
    }
    header_.delta = std::move(delta_);
    return std::move(header_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw InputError{fmt::format("{}: {}; make the delta checkpoint again", header_.root.string(), what)};
  }

  void read_mask(const Parsed& text) {
    const auto version = whole_field(text, "", "format_version");
    const auto stream_version = whole_field(text, "", "stream_version");
    if (version != k_delta_version || stream_version != random::k_stream_version) {
      throw InputError{
          fmt::format("{}: a delta checkpoint of format version {} and stream version {}, this program reads {} and {}; use a newer one",
                      header_.root.string(), version, stream_version, k_delta_version, random::k_stream_version)};
    }
    delta_.mask = {whole_field(text, "", "seed"), whole_field(text, "", "stream"), number_field(text, "", "drop_rate")};
    if (!(delta_.mask.drop_rate >= 0 && delta_.mask.drop_rate <= 1))
      refuse(fmt::format("drop_rate {} is outside [0, 1]", delta_.mask.drop_rate));
  }

  void add(const Parsed& json, const TensorInfo& stored) {
    const auto place = place_of_entry("tensors", delta_.stored.size());
    TensorInfo tensor;
    tensor.name = text_field(json, place, "name");
    if (tensor.name != stored.name)
      refuse(fmt::format("tensor \"{}\" stands where \"{}\" is described", stored.name, printable(tensor.name)));
    const bool packed = boolean_field(json, place, "packed");
    for (const auto& extent : list_field(json, place, "shape"))
      tensor.shape.push_back(as_whole(extent, place_of_entry(place_of_key(place, "shape"), tensor.shape.size())));
    tensor.dtype = stored.dtype;
    const auto size =
        sized(tensor.dtype, tensor.shape, [&](const std::string& what) { refuse(fmt::format("tensor \"{}\": {}", tensor.name, what)); });
    tensor.elements = size.elements;
    tensor.bytes = size.bytes;
    tensor.file = stored.file;
    const bool fits =
        packed ? stored.shape.size() == 1 && stored.elements <= tensor.elements && is_floating(stored.dtype) : stored.shape == tensor.shape;
    if (!fits) {
      refuse(fmt::format("tensor \"{}\": {} cannot be {} of {}", tensor.name, dtype_and_shape(stored),
                         packed ? "what is kept" : "the whole", to_string(tensor.shape)));
    }
    delta_.stored.push_back(stored);
    delta_.packed.push_back(packed ? 1 : 0);
    delta_.first_entry.push_back(entries_);
    if (packed) entries_ += kept_runs(tensor.elements);
    if (entries_ > k_most_entries)
      refuse(fmt::format("tensor \"{}\": {} counts up to here, more than a file holds", tensor.name, entries_));
    header_.tensors.push_back(std::move(tensor));
  }

  void add_counts(const TensorInfo& stored) {
    if (stored.name != k_kept_before || stored.dtype != Dtype::u64 || stored.shape != Shape{entries_}) {
      refuse(fmt::format("tensor \"{}\" is {}, expected \"{}\" of {}", stored.name, dtype_and_shape(stored), k_kept_before,
                         dtype_and_shape(Dtype::u64, {entries_})));
    }
    delta_.kept_before = stored;
  }

  Header header_;
  DeltaPacking delta_;
  std::uint64_t entries_ = 0;
};

}  // namespace

std::string to_json(const DeltaText& text) {
  auto tensors = Json::array();
  for (const auto& tensor : text.tensors) tensors.push_back({{"name", tensor.name}, {"shape", tensor.shape}, {"packed", tensor.packed}});
  const Json json{{"format_version", k_delta_version},
                  {"stream_version", random::k_stream_version},
                  {"seed", text.mask.seed},
                  {"stream", text.mask.stream},
                  {"drop_rate", text.mask.drop_rate},
                  {"base", text.origin.base},
                  {"model", text.origin.model},
                  {"tensors", std::move(tensors)}};
  return json_text(json);
}

bool is_delta(const Header& header) {
  return text_of(header).has_value();
}

DeltaOrigin delta_origin(const Header& stored) {
  try {
    const auto head = parse_tensors(text_of(stored).value_or("{}"), [](const Parsed&) {});
    if (!head.is_object()) return {};
    const auto text = [&](const char* key) { return head.contains(key) && head[key].is_string() ? head[key].get<std::string>() : ""; };
    return {text("base"), text("model")};
  } catch (const JsonError&) { return {}; }
}

Header unpacked(Header stored) {
  return Unpacking{std::move(stored)}.run();
}

}  // namespace dare::checkpoint
