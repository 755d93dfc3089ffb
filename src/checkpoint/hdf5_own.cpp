#include "checkpoint/h5_attributes.hpp"
#include "checkpoint/h5_types.hpp"
#include "checkpoint/hdf5_read.hpp"
#include "checkpoint/hdf5_schema.hpp"
#include "checkpoint/side_files.hpp"
#include "checkpoint/tensor_name.hpp"
#include "core/bounded_json.hpp"

#include <dare/core/error.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace dare::checkpoint::hdf5 {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::uint64_t index = 0;
  TensorInfo tensor;
};

class TensorReader {
 public:
  TensorReader(const fs::path& path, const Header& header) : path_{path} {
    for (std::uint32_t f = 1; f < header.files.size(); ++f) targets_.emplace(header.files[f].name, f);
    for (const auto& file : header.files) sizes_.push_back(file.size);
  }

  Entry read(const std::string& dataset_path, hid_t dataset) {
    const Doing doing{path_, "read tensor", dataset_path};
    Entry entry;
    auto& tensor = entry.tensor;
    tensor.dataset = "/tensors/" + dataset_path;
    tensor.name = text(dataset, dataset_path, "name", doing);
    entry.index = number(dataset, tensor.name, "index", doing);
    const auto dtype = text(dataset, tensor.name, "dtype", doing);
    const auto known = dtype_named(dtype);
    if (!known) refuse(path_, tensor.name, fmt::format("dtype \"{}\" is unknown", dtype));
    tensor.dtype = *known;
    const auto storage = storage_of(path_, tensor.name, dataset);  // before its extent, which a virtual dataset looks for in other files
    place(tensor, storage, read_shape(tensor, dataset, doing));
    return entry;
  }

 private:
  // Opened at once: of what must be there nobody asks first whether it is.
  H5Attribute open(hid_t dataset, std::string_view tensor, const char* name) {
    const auto id = H5Aopen(dataset, name, H5P_DEFAULT);
    if (id < 0) refuse(path_, tensor, fmt::format("attribute {} is missing or damaged", name));
    return {id, {path_, "open", name}};
  }
  std::string text(hid_t dataset, std::string_view tensor, const char* name, const Doing& doing) {
    auto value = text_in(open(dataset, tensor, name).get(), doing);
    if (!value) refuse(path_, tensor, fmt::format("attribute {} is no text", name));
    return std::move(*value);
  }
  std::uint64_t number(hid_t dataset, std::string_view tensor, const char* name, const Doing& doing) {
    const auto value = number_in(open(dataset, tensor, name).get(), doing);
    if (!value) refuse(path_, tensor, fmt::format("attribute {} is no integer", name));
    return *value;
  }

  // Returns whether the bytes are as a file of ours has them, so that they can be read in place.
  bool read_shape(TensorInfo& tensor, hid_t dataset, const Doing& doing) {
    const H5Type type{H5Dget_type(dataset), doing};
    const auto stored = stored_type(type.get());
    const auto expected = stored_as_bytes(tensor.dtype) ? Dtype::u8 : tensor.dtype;
    if (!stored || stored->dtype != expected) {
      refuse(path_, tensor.name, fmt::format("dtype {} is stored as a {}", name(tensor.dtype), describe_type(type.get())));
    }
    const H5Space space{H5Dget_space(dataset), doing};
    const auto extents = extents_of(space.get());
    if (!extents) refuse(path_, tensor.name, "its dataset has no extent");
    auto given = extents->size() == 1 ? get_shape(dataset, "shape", doing) : std::nullopt;
    if (!given && stored_as_bytes(tensor.dtype)) refuse(path_, tensor.name, "attribute shape is missing or of another kind");
    tensor.shape = given ? std::move(*given) : *extents;
    const auto size = sized(tensor.dtype, tensor.shape, [&](const std::string& what) { refuse(path_, tensor.name, what); });
    const auto points = checked_elements(*extents);
    const auto held = points ? checked_product(*points, info(expected).bits / 8) : std::nullopt;
    if (held != size.bytes) {
      refuse(path_, tensor.name,
             fmt::format("{} is {} bytes, its dataset {} of {} holds {}", dtype_and_shape(tensor), size.bytes, to_string(*extents),
                         name(expected), held ? std::to_string(*held) : "2^63 or more"));
    }
    tensor.elements = size.elements;
    tensor.bytes = size.bytes;
    return !stored->big_endian;
  }

  void place(TensorInfo& tensor, const Storage& storage, bool one_piece) {
    if (tensor.bytes == 0) return;
    if (storage.place == Place::nowhere) refuse(path_, tensor.name, fmt::format("{} bytes have no place in the file", tensor.bytes));
    if (storage.place == Place::external) {
      const auto target = targets_.find(storage.external);
      if (target == targets_.end())
        refuse(path_, tensor.name, fmt::format("lies in \"{}\", which is none of the view's source files", storage.external));
      if (storage.reserved != tensor.bytes || !one_piece)
        refuse(path_, tensor.name, fmt::format("{} bytes, {} are its in \"{}\"", tensor.bytes, storage.reserved, storage.external));
      tensor.file = target->second;
    } else if (storage.place != Place::file) {
      return;
    }
    require_within_file(path_, tensor, storage.offset, sizes_[tensor.file]);
    if (one_piece) tensor.offset = storage.offset;
  }

  const fs::path& path_;
  std::unordered_map<std::string, std::uint32_t> targets_;
  std::vector<std::uint64_t> sizes_;
};

std::vector<TensorInfo> in_order(const fs::path& path, std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.index < b.index; });
  std::unordered_set<std::string> names;
  std::vector<TensorInfo> tensors;
  tensors.reserve(entries.size());
  for (auto& [index, tensor] : entries) {
    if (index != tensors.size())
      refuse(path, tensor.name, fmt::format("index {}, {} is expected: each from 0 up once", index, tensors.size()));
    require_name(path, tensor.name);
    if (!names.insert(tensor.name).second) refuse(path, tensor.name, "stands twice in the file");
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::string read_metadata(const fs::path& path, hid_t h5) {
  if (!has_own(path, h5, "metadata")) return "";
  const auto bytes = read_bytes(path, h5, "metadata");
  std::string text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  nlohmann::json json;
  try {
    json = parse_bounded<nlohmann::json>(text, JsonBounds{.levels = 2, .keys = k_most_metadata});
  } catch (const JsonError&) {}  // as what is no object
  if (!json.is_object() || !std::all_of(json.begin(), json.end(), [](const auto& value) { return value.is_string(); })) {
    throw InputError{fmt::format("{}: /metadata is no JSON object of texts; fetch the file again", path.string())};
  }
  return text;
}

// They become files of a folder: nothing but a plain name may.
std::vector<std::string> read_side_names(const Header& header, hid_t h5) {
  const auto& path = header.root;
  auto names = names_in(path, h5, "files");
  std::uint64_t total = 0;
  std::uint64_t stored = 0;
  for (const auto& name : names) {
    if (!is_side_file_name(name)) {
      throw InputError{fmt::format("{}: \"files/{}\" is no name for a file beside the weights; fetch the file again", path.string(), name)};
    }
    const auto [bytes, taken] = count_bytes(path, h5, "files/" + name);
    if (bytes > k_largest_side_file)
      throw InputError{fmt::format("{}: \"files/{}\" has {} bytes, at most {} are read", path.string(), name, bytes, k_largest_side_file)};
    total += bytes;
    stored += taken;
  }
  require_side_total(path, total);
  require_within_file(header, "files", stored);
  return names;
}

}  // namespace

void read_own(hid_t h5, Header& header) {
  const auto& path = header.root;
  const auto version = get_number(h5, "format_version", {path, "read attribute", "format_version"});
  if (version != k_format_version) {
    throw InputError{fmt::format("{}: format_version {}, this program reads {}; use a newer one", path.string(),
                                 version ? std::to_string(*version) : "missing", k_format_version)};
  }
  header.metadata = read_metadata(path, h5);
  header.side_files = read_side_names(header, h5);
  read_link_targets(h5, header);
  (void)has_own(path, h5, "tensors");  // throws where it leads elsewhere
  const H5Group tensors{H5Gopen2(h5, "tensors", H5P_DEFAULT), {path, "open group", "tensors"}};
  TensorReader reader{path, header};
  std::vector<Entry> entries;
  walk(path, tensors.get(), SoftLinks::refuse,
       [&](const std::string& name, hid_t dataset) { entries.push_back(reader.read(name, dataset)); });
  header.tensors = in_order(path, std::move(entries));
}

}  // namespace dare::checkpoint::hdf5
