#pragma once
/// Many tensors with one thing to say about them: one line.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace dare::recipe {

class NameGroups {
 public:
  /// Adds `name` to the line "`where`: `before` "a", "b", "c" and 4 more`after`".
  void add(const std::string& where, const std::string& before, const std::string& after, std::string_view name);
  /// One line a group, in the order of their first names.
  [[nodiscard]] std::vector<std::string> lines() const;

 private:
  struct Group {
    std::string where, before, after;
    std::uint64_t count = 0;
    std::vector<std::string> examples;
  };
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> index_;
  std::vector<Group> groups_;
};

}  // namespace dare::recipe
