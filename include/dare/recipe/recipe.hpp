#pragma once
/// What to merge, as the user wrote it: parsed and range-checked, but not yet held against any checkpoint.

#include <dare/core/dtype.hpp>
#include <dare/core/error.hpp>
#include <dare/merge/method.hpp>
#include <dare/merge/tensor_merger.hpp>
#include <dare/recipe/setting.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dare::recipe {

enum class Missing : std::uint8_t { error, base, skip };  ///< a tensor that a model lacks
enum class Rows : std::uint8_t { error, base, extend };   ///< a tensor whose first extent alone differs from the base's

/// Parameters that stand per model or for all of them.
struct Parameters {
  std::optional<Setting> weight;
  std::optional<Setting> drop_rate;  ///< at most one of drop_rate and density is given at one place
  std::optional<Setting> density;
  std::optional<Setting> gamma;
  std::optional<Setting> epsilon;
  std::optional<merge::Rescale> rescale;
  template <class A>
  void archive(A& a) {
    a(weight, drop_rate, density, gamma, epsilon, rescale);
  }
};

/// Parameters of the method, one value for all models.
struct MethodParameters {
  std::optional<Setting> lambda;
  std::optional<Setting> t;
  std::optional<Setting> select_topk;
  std::optional<bool> normalize;
  std::optional<bool> filter_wise;
  std::optional<merge::Sign> sign;
  std::optional<merge::Scope> scope;
  std::optional<std::uint64_t> max_iter;
  std::optional<double> tol;
  std::optional<double> alpha;
  template <class A>
  void archive(A& a) {
    a(lambda, t, select_topk, normalize, filter_wise, sign, scope, max_iter, tol, alpha);
  }
};

/// A checkpoint that the recipe names.
struct Source {
  std::filesystem::path path;  ///< to open it
  std::string written;         ///< the path as the user wrote it
  template <class A>
  void archive(A& a) {
    a(path, written);
  }
};

struct ModelEntry : Source {
  Parameters parameters;
  std::uint64_t stream = 0;         ///< as given, else the entry's position in the recipe
  std::optional<Source> auxiliary;  ///< fisher: its Fisher weights; regmean: its Gram matrices
  template <class A>
  void archive(A& a) {
    Source::archive(a);
    a(parameters, stream, auxiliary);
  }
};

struct Recipe {
  std::string where = "command line";  ///< that it was read from, for messages
  std::string method;                  ///< a name of merge::methods()
  std::optional<Source> base;          ///< always there where the method requires it
  /// At least one. An entry that names the base is not among them unless the method averages whole models.
  std::vector<ModelEntry> models;
  Parameters parameters;  ///< for models that do not say otherwise
  MethodParameters method_parameters;
  std::uint64_t seed = 0;
  std::optional<Dtype> dtype;
  std::optional<Dtype> out_dtype;
  std::vector<std::string> exclude;  ///< regular expressions (ECMAScript), searched in tensor names
  Missing missing = Missing::error;
  Rows rows = Rows::error;
  merge::Nonfinite nonfinite = merge::Nonfinite::error;
  merge::Overflow overflow = merge::Overflow::error;
  merge::Rounding rounding = merge::Rounding::nearest;
  merge::Compat compat = merge::Compat::none;
  std::vector<std::string> tensor_order;  ///< compat mergelm; empty: the file's
  /// What mergekit's `slices` say that every model has, and where they say it; resolve() holds that against the checkpoints.
  std::optional<std::uint64_t> layers;
  std::string layers_given_at;
  std::vector<std::string> notes;  ///< what a user should know about the recipe, one line each

  /// The checkpoint that gives the output its tensors' names, order and shapes, its metadata and side files: the base, or the first model.
  [[nodiscard]] const Source& frame() const { return base ? *base : models.front(); }

  /// The type that outputs are rounded to; nothing: the frame tensor's.
  [[nodiscard]] std::optional<Dtype> output_dtype() const { return out_dtype ? out_dtype : dtype; }

  template <class A>
  void archive(A& a) {
    a(where, method, base, models, parameters, method_parameters, seed, dtype, out_dtype, exclude, missing, rows, nonfinite, overflow,
      rounding, compat, tensor_order, layers, layers_given_at, notes);
  }
};

/// A parameter in the form of an option: numbers (one, or of a model's parameter one a model), yes or no, a word.
using ParameterValue = std::variant<std::vector<double>, bool, std::string>;

/// Values of the command line; each overrides the recipe's. A per-model list is given once for all, or once a model.
struct Overrides {
  std::optional<std::string> base;
  std::vector<std::string> models;                                ///< as many as the recipe has: their paths alone are replaced
  std::map<std::string, ParameterValue, std::less<>> parameters;  ///< by their keys in recipes
  std::vector<std::uint64_t> stream;
  std::optional<std::string> method;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> dtype;                          ///< of the output
  std::vector<std::string> exclude;                          ///< in place of the recipe's
  std::map<std::string, std::string, std::less<>> policies;  ///< missing, rows, nonfinite, ...: a word by its key
  bool operator==(const Overrides&) const = default;
};

/// Reads a YAML recipe, from a file or a pipe (whose relative paths are relative to the working folder), and applies the command line to
/// it; `file` empty: the command line alone. Local. Opens the recipe, no checkpoint.
/// @throws UsageError  lists every problem found, with its line: unknown keys, values out of range, wrong types, duplicates.
[[nodiscard]] Recipe load(const std::filesystem::path& file, const Overrides& overrides);

/// The same with the problems told to the caller. @return where there are any, what of the recipe names checkpoints, for these can be
/// looked at all the same; a path that is not known is empty.
[[nodiscard]] Recipe load(const std::filesystem::path& file, const Overrides& overrides, Problems& problems);

/// The same from text; `where` names it in messages and relative paths are relative to `folder`.
[[nodiscard]] Recipe parse(std::string_view yaml, const std::string& where, const std::filesystem::path& folder,
                           const Overrides& overrides);

}  // namespace dare::recipe
