#include "checkpoint/folder.hpp"

#include "checkpoint/file_names.hpp"
#include "checkpoint/folder_contents.hpp"
#include "checkpoint/side_files.hpp"
#include "checkpoint/stand_in.hpp"
#include "checkpoint/tensor_name.hpp"
#include "core/bounded_json.hpp"
#include "core/paths.hpp"
#include "core/printable.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <regex>
#include <set>
#include <unordered_set>

namespace dare::checkpoint::folder {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_longest_index = 256'000'000;

// What it leads to was a file of the model: without it the output would be another model, and nobody told.
InputError leads_nowhere(const fs::path& link, const std::error_code& why) {
  return InputError{fmt::format("{}: a symbolic link to {} that cannot be followed ({}); put the file itself there, or remove the link",
                                link.string(), fs::read_symlink(link).string(), why.message())};
}

void read_side_files(const fs::path& folder, Header& header) {
  std::set<std::string> shards;  // an index may give them any name
  for (const auto& file : header.files) shards.insert(file.name);
  std::uint64_t bytes = 0;
  std::map<fs::path, std::error_code> broken;
  for (const auto& entry : fs::directory_iterator{folder}) {
    auto name = entry.path().filename().string();
    if (!is_side_file_name(name) || shards.contains(name)) continue;
    std::error_code no_file;  // a link to nothing or to itself
    const bool is_file = entry.is_regular_file(no_file);
    if (no_file && entry.is_symlink()) broken.emplace(entry.path(), no_file);
    if (!is_file) continue;
    check_is_own_file(folder, name);
    const auto size = entry.file_size();
    if (size > k_largest_side_file) {
      header.notes.push_back(fmt::format("{}: {} bytes, left out: of files beside the weights those of up to {} are taken along",
                                         one_line(entry.path().string()), size, k_largest_side_file));
      continue;
    }
    bytes += size;
    header.side_files.push_back(std::move(name));
  }
  if (!broken.empty()) throw leads_nowhere(broken.begin()->first, broken.begin()->second);
  require_side_total(folder, bytes);
  std::sort(header.side_files.begin(), header.side_files.end());
  std::sort(header.notes.begin(), header.notes.end());
}

void append(Header& header, FileHeader&& part) {
  const auto number = static_cast<std::uint32_t>(header.files.size());
  header.files.push_back(std::move(part.file));
  if (header.metadata.empty()) header.metadata = std::move(part.metadata);
  for (auto& tensor : part.tensors) {
    tensor.file = number;
    header.tensors.push_back(std::move(tensor));
  }
}

void check_against_index(const fs::path& folder, const Header& header, const std::map<std::string, std::string>& shard_of) {
  std::unordered_set<std::string_view> seen;
  seen.reserve(header.tensors.size());
  for (const auto& tensor : header.tensors) {
    const auto& file = header.files[tensor.file];
    const auto listed = shard_of.find(tensor.name);
    if (!seen.insert(tensor.name).second)
      throw InputError{fmt::format("{}: tensor \"{}\" is in another shard too; fetch the model again", file.path.string(), tensor.name)};
    if (listed == shard_of.end() || listed->second != file.name) {
      throw InputError{fmt::format("{}: tensor \"{}\": the index places it in {}; fetch the model again", file.path.string(), tensor.name,
                                   listed == shard_of.end() ? "no shard" : listed->second)};
    }
  }
  for (const auto& [tensor, shard] : shard_of) {
    if (!seen.contains(tensor))
      throw InputError{fmt::format("{}: tensor \"{}\" is listed in the index and not in the file; fetch the model again",
                                   (folder / shard).string(), tensor)};
  }
}

void read_shards(const fs::path& folder, const Form& form, Header& header) {
  const auto index = folder / form.index;
  check_is_own_file(folder, form.index);
  refuse_stand_in(index);
  header.consulted.push_back(state_of(File::open_read(index), form.index));
  const auto shard_of = parse_index(index, read_text(index, k_longest_index));
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  if (!shards.contains(form.single) && fs::exists(folder / form.single)) {  // transformers loads it before the index, others after
    throw InputError{
        fmt::format("{}: {} stands beside {}, which leads to other files: it is not said which weights are meant; take away "
                    "those that are not, or give the file itself",
                    folder.string(), form.single, form.index)};
  }
  for (const auto& shard : shards) {
    if (!fs::exists(folder / shard))
      throw InputError{fmt::format("{}: the index names this shard, it is not there; fetch it", (folder / shard).string())};
    check_is_own_file(folder, shard);
    refuse_stand_in(folder / shard);
    append(header, form.parse(folder / shard, shard));
  }
  check_against_index(folder, header, shard_of);
}

void read_weights(const fs::path& folder, const std::vector<Form>& forms, std::string_view kind, Header& header) {
  for (const auto& form : forms) {
    header.format = form.format;
    if (!form.index.empty() && fs::exists(folder / form.index)) return read_shards(folder, form, header);
    if (!fs::exists(folder / form.single)) continue;
    check_is_own_file(folder, form.single);
    refuse_stand_in(folder / form.single);
    return append(header, form.parse(folder / form.single, form.single));
  }
  std::vector<std::string> names;
  for (const auto& form : forms) {
    if (!form.index.empty()) names.push_back(form.index);
    names.push_back(form.single);
  }
  for (const auto& name : names) {
    if (fs::is_symlink(fs::symlink_status(folder / name)))
      throw leads_nowhere(folder / name, std::make_error_code(std::errc::no_such_file_or_directory));
  }
  for (const auto& entry : fs::directory_iterator{folder}) {
    const auto name = entry.path().filename().string();
    if ((name == k_adapter_safetensors_file || name == k_adapter_pytorch_file) && !is_lora_adapter(folder)) {
      throw InputError{
          fmt::format("{}: a LoRA adapter ({}) without its {}; fetch that file beside it", folder.string(), name, k_adapter_config_file)};
    }
    if (name.ends_with(".gguf")) refuse_gguf(entry.path());
    if (!std::regex_search(name, std::regex{"-0*1-of-[0-9]+\\.(safetensors|bin)$"})) continue;
    throw InputError{fmt::format("{}: shards ({}) without their index; fetch the {} beside them", folder.string(), name, k_index_ending)};
  }
  const bool is_model = !forms.front().index.empty();  // an adapter's weights have one name
  if (const auto meant = is_model ? meant_instead(folder) : ""; !meant.empty())
    throw InputError{fmt::format("{}: none of {} is in this folder; {}", folder.string(), fmt::join(names, ", "), meant)};
  throw InputError{fmt::format("{}: none of {} is in this folder; give {}", folder.string(), fmt::join(names, ", "), kind)};
}

}  // namespace

Header read_header(const fs::path& folder, const std::vector<Form>& forms, std::string_view kind) {
  Header header;
  header.root = folder;
  header.folder = folder;
  read_weights(folder, forms, kind, header);
  read_side_files(folder, header);
  return header;
}

Header read_file_header(const fs::path& file, Format format, const ParseFile& parse) {
  refuse_stand_in(file);
  Header header;
  header.format = format;
  header.root = file;
  append(header, parse(file, file.filename().string()));
  return header;
}

std::vector<std::byte> read_side_file(const Header& header, const std::string& name) {
  const auto text = read_text(header.folder / name, k_largest_side_file);
  const auto raw = std::as_bytes(std::span{text});
  return {raw.begin(), raw.end()};
}

std::map<std::string, std::string> parse_index(const fs::path& path, std::string_view text) {
  using Json = nlohmann::json;
  using Event = Json::parse_event_t;
  const auto refuse = [&](std::string_view why) -> void {
    throw InputError{fmt::format("{}: no valid index ({}); fetch the file again", path.string(), printable(why, 200))};
  };
  std::map<std::string, std::string> shard_of;
  std::string section;
  std::string tensor;
  const auto see = [&](int depth, Event event, const Json& value) {
    if (event == Event::key && depth == 1) section = value.get<std::string>();
    if (event == Event::key && depth == 2) tensor = value.get<std::string>();
    if (section != "weight_map" || depth == 0) return true;
    if (depth == 1 && (event == Event::array_start || event == Event::value)) refuse("weight_map is no object");
    if (depth != 2 || event == Event::key) return true;
    if (!value.is_string()) refuse(fmt::format("the shard of \"{}\" is no text", tensor));
    if (const auto problem = name_problem(tensor); !problem.empty()) refuse(fmt::format("tensor \"{}\": {}", printable(tensor), problem));
    const auto& name = value.get_ref<const std::string&>();
    if (name.empty() || one_line(name) != name || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
      throw InputError{
          fmt::format("{}: tensor \"{}\": shard {} is no file of this folder", path.string(), printable(tensor), printable(value.dump()))};
    }
    shard_of[tensor] = name;
    return false;
  };
  try {
    (void)parse_bounded<Json>(text, JsonBounds{.keys = text.size()}, see);  // as many keys as there are tensors
  } catch (const JsonError& error) { refuse(error.what()); }
  if (shard_of.empty()) refuse("no tensor in its weight_map");
  return shard_of;
}

void check_is_own_file(const fs::path& folder, std::string_view name) {
  if (!fs::is_regular_file(folder / name)) {
    throw InputError{fmt::format("{}: no regular file; put the file itself there", (folder / name).string())};
  }
  const auto root = fs::canonical(folder);
  const auto target = fs::canonical(folder / name);
  const auto cache = root.parent_path();
  if (lies_in(target, root)) return;
  if (cache.filename() == "snapshots" && lies_in(target, cache.parent_path() / "blobs")) return;
  throw InputError{
      fmt::format("{}: a symbolic link out of its folder, to {}; put the file itself there", (folder / name).string(), target.string())};
}

}  // namespace dare::checkpoint::folder
