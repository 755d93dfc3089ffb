#pragma once
/// SWEEP.yml: a recipe, and what differs between the points.

#include "sweep/point_problems.hpp"
#include "sweep/variation.hpp"

#include <dare/checkpoint/output.hpp>
#include <dare/recipe/recipe.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dare::sweep {

enum class Outputs : std::uint8_t { model, statistics, delta };
enum class Keep : std::uint8_t { none, best, all };

struct Settings {
  Outputs outputs = Outputs::model;
  checkpoint::OutputKind format = checkpoint::OutputKind::folder;
  std::string evaluate;        ///< a shell command with {checkpoint} and {point}; empty: none
  std::string evaluate_place;  ///< "sweep.yml:7"
  double evaluate_timeout_s = 3600;
  Keep keep = Keep::all;  ///< checkpoints that stay once they are scored
  std::string score;      ///< that decides which is the best; with keep: best never empty
  bool lowest_is_best = false;
};

/// The texts that a sweep is read from. Plain value: rank 0 reads them, every rank parses them.
struct Texts {
  std::string sweep;  ///< its path, as messages name it
  std::string sweep_text;
  std::string recipe;  ///< the file that `recipe:` names; empty without one
  std::string recipe_text;
  bool of_manifest = false;  ///< `recipe:` names a manifest, whose recipe it is
  Refusal recipe_problem;    ///< why that file cannot be read; empty: it can
  std::string inputs_at;     ///< --inputs-at
  template <class A>
  void archive(A& a) {
    a(sweep, sweep_text, recipe, recipe_text, of_manifest, recipe_problem, inputs_at);
  }
};

/// Reads SWEEP.yml and the recipe that it names. Local. @throws UsageError  SWEEP.yml cannot be read, or is a manifest
[[nodiscard]] Texts read_texts(const std::filesystem::path& file, const std::filesystem::path& inputs_at);

struct Point {
  std::string name;
  std::string place;
  std::vector<std::shared_ptr<const Variation>> variations;  ///< in the order of variation_keys()
};

/// Local; every rank makes the same one of the same texts.
class Specification {
 public:
  /// @param problems  gets every one that can be seen without making the points, with its line. Where there are some, points are those that
  /// could be read.
  /// @throws UsageError  SWEEP.yml is no YAML.
  Specification(const Texts& texts, Problems& problems);

  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  /// Points of the grid and those named.
  [[nodiscard]] std::uint64_t points() const noexcept { return grid_points_ + named_.size(); }
  /// Grid points come first, the grid's first key changing slowest; then those named. @pre i < points()
  [[nodiscard]] Point point(std::uint64_t i) const;
  /// The recipe that dare-merge would be given for the point. @throws UsageError  every problem of it.
  [[nodiscard]] recipe::Recipe recipe(const Point& point) const;
  /// What is done with a point and its recipe; recipe_json is that of recipe::MergeJob.
  using Visit = std::function<void(std::uint64_t point, const recipe::Recipe& recipe, const std::string& recipe_json)>;
  /// Makes every point once and shows it to `visit`, in order, if its recipe is right.
  /// @param problems  gets those of all, each once: recipes that are wrong, two points that are the same.
  void check(Problems& problems, const Visit& visit = {}) const;

 private:
  struct Axis {
    std::string key;
    std::vector<std::shared_ptr<const Variation>> values;
  };
  void read_base(const Texts& texts, recipe::YamlReader& yaml, const std::vector<recipe::YamlReader::Entry>& entries, Problems& problems);
  bool read_setting(recipe::YamlReader& yaml, const recipe::YamlReader::Entry& entry);
  void read_grid(recipe::YamlReader& yaml, const YAML::Node& grid);
  void read_axis(recipe::YamlReader& yaml, const recipe::YamlReader::Entry& entry);
  void read_points(recipe::YamlReader& yaml, const YAML::Node& points);
  void read_point(recipe::YamlReader& yaml, const recipe::YamlReader::Entry& entry);
  [[nodiscard]] recipe::Recipe make_recipe(const Point& point, Problems& problems) const;
  void check_settings(const std::string& where, Problems& problems) const;

  std::filesystem::path folder_;  ///< that relative paths are relative to
  Settings settings_;
  recipe::Draft base_;
  std::vector<Axis> axes_;
  std::vector<Point> named_;
  std::uint64_t grid_points_ = 0;
};

}  // namespace dare::sweep
