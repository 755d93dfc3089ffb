#pragma once
/// Hugging Face folders: weights in one file or in shards with an index, and the files beside them. Every form of weights shares this.

#include "checkpoint/file_header.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dare::checkpoint::folder {

/// Reads the header of one weight file; `name` is relative to the folder.
using ParseFile = std::function<FileHeader(const std::filesystem::path& path, std::string name)>;

/// One form that weights have in a folder.
struct Form {
  Format format;
  std::string index;   ///< name of the index of shards; empty where this form has none
  std::string single;  ///< name of the file where there are no shards
  ParseFile parse;
};

/// The checkpoint in `folder`, in the first of `forms` that is there. @param kind  for messages: what should have been given.
/// @throws InputError
[[nodiscard]] Header read_header(const std::filesystem::path& folder, const std::vector<Form>& forms,
                                 std::string_view kind = "a Hugging Face model folder");
/// A checkpoint of one file. @throws InputError
[[nodiscard]] Header read_file_header(const std::filesystem::path& file, Format format, const ParseFile& parse);

/// The bytes of a file beside the weights. @throws IoError
[[nodiscard]] std::vector<std::byte> read_side_file(const Header& header, const std::string& name);

/// Tensor to shard, as an index file says. @throws InputError  no index, or a shard that is no file's plain name.
[[nodiscard]] std::map<std::string, std::string> parse_index(const std::filesystem::path& path, std::string_view text);

/// Refuses what is no regular file (opening a pipe would wait for ever), and a symbolic link out of the folder, which would bring in a file
/// that nobody meant to give: only the cache of the Hugging Face hub (snapshots/<revision>/ with its files in ../../blobs/) has such links.
/// @throws InputError
void check_is_own_file(const std::filesystem::path& folder, std::string_view name);

}  // namespace dare::checkpoint::folder
