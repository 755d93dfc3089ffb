#pragma once
/// Some of a checkpoint's tensors, or all, under other names.

#include <dare/checkpoint/header.hpp>

#include <string>
#include <vector>

namespace dare::checkpoint {

/// Regular expressions (ECMAScript) are searched for anywhere in a name: `^` and `$` tie them to its ends.
struct Selection {
  struct Rename {
    std::string pattern;
    std::string replacement;  ///< $1, $2, ... are the groups of the match, $& is all of it
  };
  std::vector<std::string> include;  ///< tensors whose name one of these is found in; none: all tensors
  std::vector<std::string> exclude;  ///< ... and none of these
  std::vector<Rename> rename;        ///< every match in a name is replaced; in this order, each on what the one before made

  [[nodiscard]] bool empty() const noexcept { return include.empty() && exclude.empty() && rename.empty(); }
};

/// REGEX=REPLACEMENT, parted at the last '='. Pure. @throws UsageError
[[nodiscard]] Selection::Rename parse_rename(const std::string& text);

/// The header of the selected tensors, in their old order, under their new names. Files, metadata and side files stay. Pure.
/// @throws UsageError  all problems at once: what is no regular expression, or is found in no name; two tensors that get one name; a name
///                     that no tensor may have; no tensor is left.
[[nodiscard]] Header select(Header header, const Selection& selection);

}  // namespace dare::checkpoint
