#pragma once
/// YAML nodes to checked values; every problem is collected with its line.

#include "recipe/names.hpp"
#include "recipe/range.hpp"

#include <dare/core/error.hpp>

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dare::recipe {

/// The text of a file that a user wrote. Local. @param what  it should be, such as "recipe". @throws UsageError  it cannot be read.
[[nodiscard]] std::string read_document(const std::filesystem::path& file, std::string_view what);

/// Reads one document. Functions that return an optional have reported the problem where they return nothing.
class YamlReader {
 public:
  struct Entry {
    std::string key;
    YAML::Node key_node;
    YAML::Node value;
  };

  /// @param where  the document's name in messages. `problems` must outlive the reader.
  YamlReader(std::string where, Problems& problems) : where_{std::move(where)}, problems_{problems} {}

  /// The one document in `text`. @throws UsageError  it is no YAML, too large, or not one document.
  [[nodiscard]] YAML::Node document(std::string_view text) const;

  [[nodiscard]] const std::string& where() const noexcept { return where_; }

  /// "recipe.yml:5".
  [[nodiscard]] std::string place(const YAML::Node& node) const;
  void refuse(const YAML::Node& node, const std::string& text) { refuse_at(place(node), text); }
  void refuse_at(const std::string& place, const std::string& text);

  /// Whether it is the first call with that kind of mapping: what keys it takes is told once.
  [[nodiscard]] bool is_first_unknown(std::string_view kind) { return told_.emplace(kind).second; }

  /// The entries of a mapping in their order, merge keys (<<) resolved, a key given twice refused.
  [[nodiscard]] std::vector<Entry> mapping(const YAML::Node& node, std::string_view name);
  [[nodiscard]] std::vector<YAML::Node> sequence(const YAML::Node& node, std::string_view name);
  /// A list of texts, or one text alone.
  [[nodiscard]] std::vector<std::string> texts(const YAML::Node& node, std::string_view name);

  [[nodiscard]] std::optional<std::string> text(const YAML::Node& node, std::string_view name);
  [[nodiscard]] std::optional<bool> boolean(const YAML::Node& node, std::string_view name);
  [[nodiscard]] std::optional<double> number(const YAML::Node& node, std::string_view name, const Range& range);
  /// An unsigned number of 64 bits in decimal digits.
  [[nodiscard]] std::optional<std::uint64_t> whole(const YAML::Node& node, std::string_view name);
  [[nodiscard]] std::optional<std::uint64_t> whole(const YAML::Node& node, std::string_view name, const Range& range);
  /// One of the words of a table (names.hpp).
  template <class Enum, std::size_t N>
  [[nodiscard]] std::optional<Enum> choice(const YAML::Node& node, std::string_view name, const Words<Enum, N>& words) {
    const auto value = node.IsScalar() ? value_of(words, node.Scalar()) : std::nullopt;
    if (!value) expected(node, name, one_of(words));
    return value;
  }

 private:
  void expected(const YAML::Node& node, std::string_view name, std::string_view what);
  void collect(const YAML::Node& node, std::string_view name, int depth, std::vector<Entry>& entries);
  void spend(const YAML::Node& node, std::size_t values);

  std::string where_;
  Problems& problems_;
  std::size_t spent_ = 0;
  std::set<std::string, std::less<>> told_;
};

}  // namespace dare::recipe
