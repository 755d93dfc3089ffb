#include "checkpoint/hdf5_read.hpp"
#include "core/printable.hpp"

#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <unordered_set>

namespace dare::checkpoint::hdf5 {
namespace {

constexpr int k_deepest = 100;

struct Link {
  std::string name;
  H5L_type_t type;
};

// Exceptions must not pass through HDF5's frames: the callback only collects.
herr_t collect(hid_t, const char* name, const H5L_info_t* link, void* links) noexcept {
  try {
    static_cast<std::vector<Link>*>(links)->push_back({name, link->type});
    return 0;
  } catch (...) { return -1; }
}

std::vector<Link> links_of(const std::filesystem::path& file, hid_t group, const std::string& path) {
  std::vector<Link> links;
  hsize_t position = 0;
  check(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &position, collect, &links), {file, "list group", path});
  // Opened by its name, such a link would lead through others, of any kind.
  for (const auto& link : links) {
    if (!link.name.empty() && link.name != "." && link.name.find('/') == std::string::npos) continue;
    throw InputError{fmt::format("{}: group \"/{}\" has a link \"{}\", which is no name; fetch the file again", file.string(), path,
                                 printable(link.name))};
  }
  return links;
}

haddr_t address_of(const std::filesystem::path& file, hid_t object, const std::string& path) {
  H5O_info_t info{};
  check(H5Oget_info2(object, &info, H5O_INFO_BASIC), {file, "look at", path});
  return info.addr;
}

class Walk {
 public:
  Walk(const std::filesystem::path& file, SoftLinks soft, const std::function<void(const std::string&, hid_t)>& visit)
      : file_{file}, soft_{soft}, visit_{visit} {}

  void enter(hid_t group, const std::string& path, int depth) {
    if (!seen_.insert(address_of(file_, group, path)).second) {
      if (soft_ == SoftLinks::skip) return;
      throw InputError{
          fmt::format("{}: group \"{}\" is one that was met before, the format has no cycles; fetch the file again", file_.string(), path)};
    }
    if (depth > k_deepest) throw InputError{fmt::format("{}: group \"{}\" lies more than {} groups deep", file_.string(), path, k_deepest)};
    for (const auto& link : links_of(file_, group, path)) {
      const auto below = path.empty() ? link.name : path + "/" + link.name;
      if (link.type == H5L_TYPE_HARD) {
        follow(group, link.name, below, depth);
      } else if (link.type != H5L_TYPE_SOFT) {
        throw InputError{fmt::format("{}: \"{}\" is a link to another file, which is not followed; copy the weights into one file",
                                     file_.string(), below)};
      } else if (soft_ == SoftLinks::refuse) {
        throw InputError{fmt::format("{}: \"{}\" is a soft link, the format has none; fetch the file again", file_.string(), below)};
      }
    }
  }

 private:
  void follow(hid_t group, const std::string& name, const std::string& path, int depth) {
    const H5Object object{H5Oopen(group, name.c_str(), H5P_DEFAULT), {file_, "open", path}};
    const auto type = H5Iget_type(object.get());
    if (type == H5I_GROUP) enter(object.get(), path, depth + 1);
    if (type == H5I_DATASET) visit_(path, object.get());
  }

  const std::filesystem::path& file_;
  SoftLinks soft_;
  const std::function<void(const std::string&, hid_t)>& visit_;
  std::unordered_set<haddr_t> seen_;
};

}  // namespace

void refuse(const std::filesystem::path& file, std::string_view tensor, const std::string& what) {
  throw InputError{fmt::format("{}: tensor \"{}\": {}; fetch the file again", file.string(), tensor, what)};
}

void require_name(const std::filesystem::path& file, const std::string& tensor) {
  if (is_utf8_without_nul(tensor)) return;
  throw InputError{fmt::format("{}: tensor \"{}\": the name is no UTF-8 text without NUL; rename it", file.string(), printable(tensor))};
}

void walk(const std::filesystem::path& file, hid_t group, SoftLinks soft, const std::function<void(const std::string&, hid_t)>& visit) {
  Walk{file, soft, visit}.enter(group, "", 0);
}

bool has_own(const std::filesystem::path& file, hid_t h5, const std::string& name) {
  const auto exists = H5Lexists(h5, name.c_str(), H5P_DEFAULT);
  check(exists, {file, "look for", name});
  if (exists == 0) return false;
  H5L_info_t link{};
  check(H5Lget_info(h5, name.c_str(), &link, H5P_DEFAULT), {file, "look at", name});
  if (link.type == H5L_TYPE_HARD) return true;
  throw InputError{fmt::format("{}: \"{}\" is a soft or external link, the format has none; fetch the file again", file.string(), name)};
}

std::vector<std::string> names_in(const std::filesystem::path& file, hid_t h5, const std::string& group) {
  std::vector<std::string> names;
  if (!has_own(file, h5, group)) return names;
  const H5Group opened{H5Gopen2(h5, group.c_str(), H5P_DEFAULT), {file, "open group", group}};
  for (auto& link : links_of(file, opened.get(), group)) {
    if (link.type != H5L_TYPE_HARD)
      throw InputError{fmt::format("{}: \"{}/{}\" is a soft or external link, the format has none; fetch the file again", file.string(),
                                   group, link.name)};
    names.push_back(std::move(link.name));
  }
  return names;
}

void require_within_file(const Header& header, std::string_view group, std::uint64_t stored) {
  const auto& file = header.files.front();
  if (stored <= file.size) return;
  throw InputError{
      fmt::format("{}: /{} takes {} bytes of a file of {}; fetch the file again", file.path.string(), group, stored, file.size)};
}

void require_within_file(const std::filesystem::path& file, const TensorInfo& tensor, std::uint64_t offset, std::uint64_t size) {
  if (offset > size || tensor.bytes > size - offset)
    refuse(file, tensor.name, fmt::format("{} bytes at offset {} end behind the file's {}", tensor.bytes, offset, size));
}

}  // namespace dare::checkpoint::hdf5
