#pragma once
/// A number that may depend on the tensor, as mergekit's recipes write it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::recipe {

/// The first part whose filter the tensor's name contains gives the value.
struct Setting {
  struct Part {
    std::string filter;          ///< empty: every tensor
    std::vector<double> values;  ///< one value, or a gradient over the layers from the first to the last
    template <class A>
    void archive(A& a) {
      a(filter, values);
    }
    bool operator==(const Part&) const = default;
  };
  std::vector<Part> parts;

  [[nodiscard]] static Setting constant(double value) { return {{{"", {value}}}}; }
  /// The value for a tensor at `depth` in [0, 1] (depth.hpp); nothing where no part matches.
  [[nodiscard]] std::optional<double> at(std::string_view tensor, double depth) const;
  template <class A>
  void archive(A& a) {
    a(parts);
  }
  bool operator==(const Setting&) const = default;
};

}  // namespace dare::recipe
