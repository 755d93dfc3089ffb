#pragma once
/// What to merge, as the user wrote it: parsed and range-checked, but not yet held against any checkpoint.

#include <dare/core/dtype.hpp>
#include <dare/core/error.hpp>
#include <dare/merge/method.hpp>
#include <dare/merge/tensor_merger.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::recipe {

enum class Missing : std::uint8_t { error, base, skip };  ///< a tensor that a model lacks

/// A number that may depend on the tensor: the first part whose filter the tensor's name contains gives the value.
struct Setting {
  struct Part {
    std::string filter;          ///< empty: every tensor
    std::vector<double> values;  ///< one value, or a gradient over the layers from the first to the last
    template <class A>
    void archive(A& a) {
      a(filter, values);
    }
  };
  std::vector<Part> parts;

  [[nodiscard]] static Setting constant(double value) { return {{{"", {value}}}}; }
  /// The value for a tensor at `depth` (layer l of L: l/(L-1); before the layers 0, after them 1); nothing where no part matches.
  [[nodiscard]] std::optional<double> at(std::string_view tensor, double depth) const;
  template <class A>
  void archive(A& a) {
    a(parts);
  }
};

/// Parameters that stand per model or for all of them.
struct Parameters {
  std::optional<Setting> weight;
  std::optional<Setting> drop_rate;  ///< at most one of drop_rate and density is given at one place
  std::optional<Setting> density;
  std::optional<merge::Rescale> rescale;
  template <class A>
  void archive(A& a) {
    a(weight, drop_rate, density, rescale);
  }
};

struct ModelEntry {
  std::filesystem::path path;  ///< to open it
  std::string written;         ///< the path as the user wrote it
  Parameters parameters;
  std::optional<std::uint64_t> stream;
  template <class A>
  void archive(A& a) {
    a(path, written, parameters, stream);
  }
};

struct Recipe {
  std::string method;  ///< a name of merge::methods()
  ModelEntry base;     ///< its parameters are unused
  std::vector<ModelEntry> models;
  Parameters parameters;  ///< for models that do not say otherwise
  std::optional<Setting> lambda;
  std::optional<bool> normalize;
  std::uint64_t seed = 0;
  std::optional<Dtype> dtype;
  std::optional<Dtype> out_dtype;
  std::vector<std::string> exclude;  ///< regular expressions (ECMAScript), searched in tensor names
  Missing missing = Missing::error;
  merge::Nonfinite nonfinite = merge::Nonfinite::error;
  merge::Overflow overflow = merge::Overflow::error;

  /// The type that outputs are rounded to, where the recipe names one.
  [[nodiscard]] std::optional<Dtype> output_dtype() const { return out_dtype ? out_dtype : dtype; }

  template <class A>
  void archive(A& a) {
    a(method, base, models, parameters, lambda, normalize, seed, dtype, out_dtype, exclude, missing, nonfinite, overflow);
  }
};

/// Values of the command line; each overrides the recipe's. A per-model list is given once for all, or once a model.
struct Overrides {
  std::optional<std::string> base;
  std::vector<std::string> models;
  std::vector<double> weight;
  std::vector<double> drop_rate;
  std::vector<double> density;
  std::vector<std::uint64_t> stream;
  std::optional<double> lambda;
  std::optional<bool> normalize;
  std::optional<std::string> method;
  std::optional<std::string> rescale;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> dtype;
  std::vector<std::string> exclude;
};

/// Reads a YAML recipe and applies the command line to it; `file` empty: the command line alone. Local. Opens the recipe, no checkpoint.
/// @throws UsageError  lists every problem found, with its line: unknown keys, values out of range, wrong types, duplicates.
[[nodiscard]] Recipe load(const std::filesystem::path& file, const Overrides& overrides);

/// The same from text; `where` names it in messages and relative paths are relative to `folder`.
[[nodiscard]] Recipe parse(std::string_view yaml, const std::string& where, const std::filesystem::path& folder, const Overrides& overrides);

}  // namespace dare::recipe
