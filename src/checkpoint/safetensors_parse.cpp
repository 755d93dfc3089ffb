#include "checkpoint/safetensors_parse.hpp"

#include "checkpoint/file_names.hpp"
#include "checkpoint/tensor_name.hpp"
#include "core/bounded_json.hpp"
#include "core/json_text.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <span>

namespace dare::checkpoint::safetensors {
namespace {

constexpr std::uint64_t k_length_bytes = 8;
constexpr std::uint64_t k_never_a_length = std::uint64_t{1} << 48U;  // text, and what begins with the mark of another format, is more
constexpr std::uint64_t k_shown_bytes = 16;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw InputError{fmt::format("{}: {}; fetch the file again", path.string(), what)};
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& tensor, const std::string& what) {
  refuse(path, fmt::format("tensor \"{}\": {}", tensor, what));
}

struct Entry {
  TensorInfo tensor;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::uint64_t natural(const std::filesystem::path& path, const std::string& name, const nlohmann::json& value, const char* what) {
  if (!value.is_number_unsigned()) refuse(path, name, fmt::format("{} holds {}, a number from 0 up is expected", what, brief(value)));
  return value.get<std::uint64_t>();
}

Entry parse_entry(const std::filesystem::path& path, const std::string& name, const nlohmann::json& json) {
  if (const auto problem = name_problem(name); !problem.empty()) refuse(path, printable(name), problem);
  for (const auto* key : {"dtype", "shape", "data_offsets"}) {
    if (!json.is_object() || !json.contains(key)) refuse(path, name, fmt::format("no {}", key));
  }
  Entry entry;
  entry.tensor.name = name;
  const auto dtype = json["dtype"].is_string() ? dtype_named(json["dtype"].get<std::string>()) : std::nullopt;
  if (!dtype) refuse(path, name, fmt::format("dtype {} is unknown", brief(json["dtype"])));
  entry.tensor.dtype = *dtype;
  if (!json["shape"].is_array()) refuse(path, name, "shape is no list");
  for (const auto& extent : json["shape"]) entry.tensor.shape.push_back(natural(path, name, extent, "shape"));
  const auto& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) refuse(path, name, "data_offsets is no pair");
  entry.begin = natural(path, name, offsets[0], "data_offsets");
  entry.end = natural(path, name, offsets[1], "data_offsets");
  const auto size = sized(*dtype, entry.tensor.shape, [&](const std::string& what) { refuse(path, name, what); });
  if (entry.end < entry.begin || entry.end - entry.begin != size.bytes) {
    refuse(path, name,
           fmt::format("{} is {} bytes, data_offsets [{}, {}] hold {}", dtype_and_shape(entry.tensor), size.bytes, entry.begin, entry.end,
                       entry.end < entry.begin ? "fewer than none" : std::to_string(entry.end - entry.begin)));
  }
  entry.tensor.elements = size.elements;
  entry.tensor.bytes = size.bytes;
  return entry;
}

// Takes a header apart while it is parsed: tensors, of which there may be very many, never are a JSON document.
class HeaderParser {
 public:
  explicit HeaderParser(const std::filesystem::path& path) : path_{path} {}

  /// @return the text of __metadata__; empty for none.
  std::string parse(std::string_view text) {
    // Legal are an object of objects of lists. Tensors are as many as there are.
    const JsonBounds bounds{.levels = 3, .keys = text.size()};
    try {
      const auto json = parse_bounded<Json>(text, bounds, [this](int depth, Event event, Json& value) { return see(depth, event, value); });
      if (!json.is_object()) refuse(path_, "the header is no JSON object");
      return json.empty() ? "" : json.front().dump();
    } catch (const JsonError& error) { refuse(path_, fmt::format("the header is no valid JSON ({})", printable(error.what(), 200))); }
  }
  std::vector<Entry> entries() { return std::move(entries_); }

 private:
  using Json = nlohmann::json;
  using Event = Json::parse_event_t;

  // Returns whether the value is kept in the document.
  bool see(int depth, Event event, const Json& value) {
    if (depth == 0 && event == Event::array_start) refuse(path_, "the header is no JSON object");
    if (depth == 1 && event == Event::key) name_ = value.get<std::string>();
    return depth == 0 || name_ == k_metadata_key ? see_metadata(depth, event, value) : see_tensor(depth, event, value);
  }

  bool see_metadata(int depth, Event event, const Json& value) {
    if (depth == 2 && event == Event::key && ++metadata_keys_ > k_most_metadata)
      refuse(path_, fmt::format("__metadata__ has more than {} keys", k_most_metadata));
    const bool is_list = depth == 1 && event == Event::array_start;
    const bool is_scalar = depth == 1 && event == Event::value;
    const bool holds_other = depth == 2 && event != Event::key && !value.is_string();
    if (is_list || is_scalar || holds_other) refuse(path_, "__metadata__ is no object of texts");
    return true;
  }

  bool see_tensor(int depth, Event event, const Json& value) {
    if (depth == 1 && event == Event::array_start) refuse(path_, printable(name_), "no dtype");
    if (depth != 1 || (event != Event::value && event != Event::object_end)) return true;
    entries_.push_back(parse_entry(path_, name_, value));
    return false;
  }

  const std::filesystem::path& path_;
  std::string name_;
  std::size_t metadata_keys_ = 0;
  std::vector<Entry> entries_;
};

std::vector<TensorInfo> place(const std::filesystem::path& path, std::vector<Entry> entries, std::uint64_t data_begin,
                              std::optional<std::uint64_t> size) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  std::vector<TensorInfo> tensors;
  std::uint64_t next = 0;
  for (auto& entry : entries) {
    if (entry.begin != next) {
      refuse(path, entry.tensor.name,
             fmt::format("begins at {}, the tensor before it ends at {}: tensors may neither overlap nor leave holes", entry.begin, next));
    }
    next = entry.end;
    entry.tensor.offset = data_begin + entry.begin;
    tensors.push_back(std::move(entry.tensor));
  }
  if (size && data_begin + next != *size) refuse(path, fmt::format("{} bytes, its header describes {}", *size, data_begin + next));
  return tensors;
}

std::string beginning_of(const File& file, std::uint64_t size) {
  std::string text(std::min(size, k_shown_bytes), '\0');
  file.read_at(0, std::as_writable_bytes(std::span{text}));
  return size > k_shown_bytes ? printable(text) + "..." : printable(text);
}

}  // namespace

std::vector<std::byte> read_raw(const std::filesystem::path& path, const File& file, std::uint64_t size) {
  if (size < k_length_bytes) refuse(path, fmt::format("{} bytes, a safetensors file has at least {}", size, k_length_bytes));
  std::vector<std::byte> raw(k_length_bytes);
  file.read_at(0, raw);
  std::uint64_t length = 0;
  std::memcpy(&length, raw.data(), k_length_bytes);
  if (length > k_never_a_length) refuse(path, fmt::format("no safetensors file: it begins with \"{}\"", beginning_of(file, size)));
  if (length > k_longest_header) refuse(path, fmt::format("header of {} bytes, at most {} are allowed", length, k_longest_header));
  if (length > size - k_length_bytes) refuse(path, fmt::format("header of {} bytes in a file of {}", length, size));
  raw.resize(k_length_bytes + length);
  file.read_at(k_length_bytes, std::span{raw}.subspan(k_length_bytes));
  return raw;
}

RawFileHeader parse_raw(const std::filesystem::path& path, std::vector<std::byte> raw, std::optional<std::uint64_t> size) {
  RawFileHeader header;
  header.raw = std::move(raw);
  header.file.header_hash = hash128(header.raw);
  const std::string_view text{reinterpret_cast<const char*>(header.raw.data()) + k_length_bytes, header.raw.size() - k_length_bytes};
  if (text.starts_with("\xef\xbb\xbf")) {  // a JSON parser may pass over it
    throw InputError{
        fmt::format("{}: the header begins with a byte order mark, which the safetensors library refuses; write the file again "
                    "without it",
                    path.string())};
  }
  HeaderParser parser{path};
  header.metadata = parser.parse(text);
  header.tensors = place(path, parser.entries(), header.raw.size(), size);
  return header;
}

RawFileHeader parse_file(const std::filesystem::path& path, std::string name) {
  const auto file = File::open_read(path);
  auto state = state_of(file, std::move(name));
  auto header = parse_raw(path, read_raw(path, file, state.size), state.size);
  state.header_hash = header.file.header_hash;
  header.file = std::move(state);
  return header;
}

std::vector<SourceShard> parse_sources(const std::filesystem::path& path, const std::vector<SourceHeader>& sources) {
  std::vector<SourceShard> shards;
  for (const auto& source : sources) {
    if (source.file == k_safetensors_index) continue;
    const auto where = path / source.file;
    std::uint64_t length = 0;
    if (source.bytes.size() >= k_length_bytes) std::memcpy(&length, source.bytes.data(), k_length_bytes);
    if (source.bytes.size() < k_length_bytes || length != source.bytes.size() - k_length_bytes) {
      refuse(where, fmt::format("{} bytes of header, its length says {}", source.bytes.size(), length));
    }
    shards.push_back({&source, parse_raw(where, source.bytes, std::nullopt).tensors});
  }
  return shards;
}

void refuse_sources(const std::filesystem::path& path, std::size_t tensor, const std::string& name) {
  refuse(path, fmt::format("the source's headers and the tensors differ at tensor {}, \"{}\"", tensor, name));
}

std::vector<std::string> shard_names(const std::filesystem::path& path, const OutputSpec& spec) {
  std::vector<std::string> names;
  for (const auto& shard : source_shards(path, spec.source_headers, spec.tensors)) {
    names.insert(names.end(), shard.tensors.size(), shard.source->file);
  }
  names.resize(spec.tensors.size());
  return names;
}

}  // namespace dare::checkpoint::safetensors
