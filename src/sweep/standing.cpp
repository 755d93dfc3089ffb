#include "sweep/standing.hpp"

#include "pipeline/replaceable.hpp"
#include "sweep/damage.hpp"
#include "sweep/evaluation.hpp"
#include "sweep/folder.hpp"
#include "sweep/point_manifest.hpp"

#include "recipe/recipe_json.hpp"

#include <dare/core/hash.hpp>
#include <dare/core/plural.hpp>
#include <dare/pipeline/input_times.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <map>
#include <optional>

namespace dare::sweep {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Lines of a difference after some words.
std::string without_indent(const std::string& lines) {
  return lines.empty() ? lines : lines.substr(lines.find_first_not_of("\n "));
}

// Whether a checkpoint is there that is not the one which the record tells of.
bool is_replaced(const Record& record, const fs::path& output) {
  const pipeline::OutputPaths paths{output};
  if (!fs::exists(paths.output) || !fs::exists(paths.manifest)) return false;
  try {
    return hash_in_manifest(paths.manifest) != record.hash;
  } catch (const Error&) { return true; }
}

class Look {
 public:
  Look(const Specification& specification, const Places& places, bool overwrite, bool write, Problems& problems)
      : specification_{specification},
        places_{places},
        overwrite_{overwrite},
        write_{write},
        problems_{problems},
        evaluation_{evaluation_hash(settings().evaluate)},
        taken_{specification.points()} {}

  // Where the inputs cannot be read, what was made of them before is not doubted.
  PointState without_inputs(std::uint64_t number) {
    const auto point = specification_.point(number);
    auto record = read_record(places_.record(point.name));
    if (!record || record->status == Status::failed) return {};
    if (record->status == Status::unscored && !is_there(*record)) return {};
    if (has_all(*record) && record->status == Status::done) return {Standing::done, std::move(record->identity), {}, {}};
    auto state = settle(point, std::move(*record));
    state.scored.reset();  // it is not made again
    return state;
  }

  PointState at(const Family& family, std::uint64_t number, std::string identity) {
    const auto point = specification_.point(number);
    const One one{point, family};
    auto record = read_record(places_.record(point.name));
    if (!record || record->status == Status::failed) {
      damage_.clear();
      const auto standing = settings().outputs == Outputs::statistics ? Standing::to_do : recover(one, identity);
      return {standing, std::move(identity), std::move(damage_), {}};
    }
    const auto other = what_differs(one, *record, identity);
    if (!other.empty()) return {taken(point, "was made by another run: " + other), std::move(identity), {}, {}};
    const auto files = files_of(family);
    if (const auto change = change_of(*record, family, files)) return {replaced(point, *change), std::move(identity), {}, {}};
    const bool same_files = record->inputs.empty() || record->inputs == files;  // an earlier version's record stays without
    if (record->identity != identity || !same_files) {
      record->identity = identity;
      if (!same_files) record->inputs = files;
      write(*record);
    }
    if (const auto stranger = stranger_in(point, *record); !stranger.empty()) return {taken(point, stranger), std::move(identity), {}, {}};
    auto damage = damage_in(point, *record);
    auto state = settle(point, std::move(*record));
    if (damage.empty()) return state;
    state.standing = Standing::to_do;
    state.damage = std::move(damage);
    return state;
  }

  // Tells of places that other runs have taken, and of inputs that were replaced: once a reason, whatever number of points it concerns.
  void tell_of_others() {
    for (const auto& one : taken_.told()) {
      const auto what = one.count == 1
                            ? fmt::format("{}: {}", output_of(places_.folder, one.names.front(), settings()).string(), one.problem)
                            : fmt::format("{}: {}: each {}", places_.folder.string(), taken_.points_of(one), one.problem);
      problems_.input(what + "; name another folder, or give --overwrite");
    }
    for (const auto& [change, points] : changes_) {
      problems_.input(
          fmt::format("{}: was changed since it gave {} in {}, such as {}: {} of {} bytes now, {} of {} bytes then; name "
                      "another folder, or give --overwrite, which makes them anew; where it has the content that it had, `touch "
                      "-d '{}' {}` lets them stand",
                      change.path, plural(points.count, "point"), places_.folder.string(), points.first, change.now, change.size_now,
                      change.before, change.size_before, change.before, change.path));
    }
  }

 private:
  // Of one file of the inputs.
  struct Change {
    std::string path;
    std::string now;
    std::string before;
    std::uint64_t size_now = 0;
    std::uint64_t size_before = 0;
    auto operator<=>(const Change&) const = default;
  };
  struct Changed {
    std::string first;
    std::uint64_t count = 0;
  };

  struct One {
    const Point& point;
    const Family& family;
  };

  std::string recipe_json_of(const Point& point) const {
    const auto recipe = specification_.recipe(point);
    return recipe::recipe_json(recipe, *merge::find_method(recipe.method));
  }

  [[nodiscard]] const Settings& settings() const { return specification_.settings(); }
  [[nodiscard]] bool is_there(const Record& record) const { return !record.output.empty() && fs::exists(places_.folder / record.output); }

  [[nodiscard]] bool has_all(const Record& record) const { return has_scores(record, settings()); }

  // Whether nothing of an output has to be there.
  [[nodiscard]] bool may_be_gone(const Record& record) const {
    return record.output.empty() || (settings().keep == Keep::none && has_all(record));
  }

  // Why what is in a point's place may not be what its record tells of; empty where it is, or nothing is there.
  [[nodiscard]] std::string stranger_in(const Point& point, const Record& record) const {
    const pipeline::OutputPaths paths{output_of(places_.folder, point.name, settings())};
    if (may_be_gone(record) || !fs::exists(paths.output) || (fs::is_directory(paths.output) && fs::is_empty(paths.output))) return "";
    if (!fs::exists(paths.manifest))
      return fmt::format("may be another model than the point's, which {} would tell: it is not there", paths.manifest.string());
    return !record.hash.empty() && is_replaced(record, paths.output)
               ? fmt::format("is not what the point gave, by {}", paths.manifest.string())
               : "";
  }

  // What is wrong with the output of a record; nothing where it goes anyway.
  std::string damage_in(const Point& point, const Record& record) {
    if (may_be_gone(record)) return "";
    const pipeline::OutputPaths paths{output_of(places_.folder, point.name, settings())};
    // Where an output is gone with its manifest nothing is in the way.
    return fs::exists(paths.output) || fs::exists(paths.manifest) ? damage_at(paths.output) : "";
  }

  // It is made again, unless something else would go with it.
  std::string damage_at(const fs::path& output) {
    auto damage = damage_of(output);
    if (!damage) return "";
    try {
      if (fs::exists(output))
        pipeline::check_replaceable(output, fmt::format("the point there was done, but {}: to have it made again move that away", *damage));
    } catch (const InputError& error) { problems_.input(error.what()); }
    return std::move(*damage);
  }

  void write(const Record& record) {
    if (write_) write_record(places_, record);
  }

  Standing taken(const Point& point, const std::string& why) {
    if (!overwrite_) taken_.add(point.name, why);
    return Standing::to_do;
  }

  // The first file that is another than when a record's point was made; paths may be written in another way.
  static std::optional<Change> change_of(const Record& record, const Family& family, const Json& files) {
    if (record.inputs.size() != files.size()) return std::nullopt;
    if (!record.contents.empty() && !family.contents.empty()) return std::nullopt;  // these were compared
    for (std::size_t f = 0; f < files.size(); ++f) {
      const auto& now = files[f];
      const auto& before = record.inputs[f];
      if (now["size"] == before.value("size", now["size"]) && now["modified"] == before.value("modified", "")) continue;
      return Change{now["path"], now["modified"], before.value("modified", ""), now["size"], before.value("size", std::uint64_t{0})};
    }
    return std::nullopt;
  }

  Standing replaced(const Point& point, const Change& change) {
    if (overwrite_) return Standing::to_do;
    auto& points = changes_[change];
    if (points.count++ == 0) points.first = point.name;
    return Standing::to_do;
  }

  // A run that was killed before it had removed a checkpoint whose record was written already: whether it stays is seen at the end.
  void take_back(const Point& point, Record& record) {
    if (settings().outputs != Outputs::model || record.hash.empty()) return;
    const pipeline::OutputPaths paths{output_of(places_.folder, point.name, settings())};
    if (!fs::exists(paths.output) || !fs::exists(paths.manifest) || is_replaced(record, paths.output)) return;
    record.output = paths.output.filename().string();
    write(record);
  }

  // The standing of a record of this very point.
  PointState settle(const Point& point, Record record) {
    auto identity = record.identity;
    if (!has_all(record)) return {without_scores(point, record), std::move(identity), {}, {}};
    const bool lost = !record.output.empty() && !is_there(record);
    if (record.output.empty()) take_back(point, record);
    if (!lost && record.status == Status::unscored) {
      record.status = Status::done;
      record.error.clear();
      write(record);
    }
    PointState state{lost ? Standing::to_do : Standing::done, std::move(identity), {}, {}};
    if (settings().keep == Keep::best) state.scored = std::move(record);
    return state;
  }

  Standing without_scores(const Point& point, const Record& record) {
    if (is_there(record)) return Standing::to_score;
    if (!record.output.empty()) return Standing::to_do;
    if (record.evaluated != evaluation_) {
      return taken(point, record.evaluated.empty() ? "was never evaluated, and its checkpoint is deleted"
                                                   : "was scored by another evaluate, and its checkpoint is deleted");
    }
    return taken(point, lacks_score(record.scores, settings().score) + ", and its checkpoint is deleted");
  }

  Json manifest_of(const One& one) const {
    pipeline::Product product;
    product.job.recipe_json = recipe_json_of(one.point);
    return Json::parse(pipeline::manifest_head(inputs_of(one.family), product));
  }

  // Why a record is not of this point; empty where it is.
  std::string what_differs(const One& one, const Record& record, const std::string& identity) const {
    const bool contents = !record.contents.empty() && !one.family.contents.empty() && record.contents != one.family.contents;
    if (record.identity == identity) return contents ? "the contents of its inputs were others" : "";
    // What was measured has no checkpoint, and of what was merged nothing was measured.
    const bool measured = record.statistics.contains("kept_share");
    if (measured != (settings().outputs == Outputs::statistics)) return measured ? "outputs was statistics" : "outputs was another";
    const pipeline::OutputPaths paths{output_of(places_.folder, one.point.name, settings())};
    if (!record.output.empty() && record.output != paths.output.filename()) return fmt::format("its output was {}", record.output);
    if (!record.output.empty() && fs::exists(paths.manifest)) return manifest_differs(one, read_manifest(paths.manifest));
    const auto lines = pipeline::difference(settings_of(one.point, recipe_json_of(one.point)).dump(), record.settings.dump());
    if (!lines.empty()) return without_indent(lines);
    const auto recipe_part = [](const std::string& text) { return text.substr(0, text.find('-')); };
    return recipe_part(record.identity) == recipe_part(identity) ? "the headers of its inputs were others"
                                                                 : "settings that results.csv does not show were others";
  }

  std::string manifest_differs(const One& one, const Json& manifest) const {
    if ((manifest.value("outputs", "model") == "delta") != (settings().outputs == Outputs::delta)) return "outputs was another";
    return without_indent(difference_of(manifest_of(one), manifest));
  }

  // A run that was killed between an output and its record.
  Standing recover(const One& one, const std::string& identity) {
    const pipeline::OutputPaths paths{output_of(places_.folder, one.point.name, settings())};
    if (!fs::exists(paths.output)) return Standing::to_do;
    if (!fs::exists(paths.manifest)) {
      if (fs::exists(paths.new_manifest) || fs::is_empty(paths.output))  // of a run that was killed as it put its output there
        return taken(one.point, "was made by another run: it has no manifest");
      problems_.input(fmt::format("{}: no sweep made it: it has no manifest; move it away, or name another folder", paths.output.string()));
      return Standing::to_do;
    }
    const auto manifest = read_manifest(paths.manifest);
    const auto other = manifest_differs(one, manifest);
    if (!other.empty()) return taken(one.point, "was made by another run: " + other);
    auto inputs = inputs_of(one.family);
    if (!has_contents(manifest)) inputs.content_hashes.clear();
    if (const auto changed = pipeline::changed_after(inputs, paths.manifest))
      return taken(one.point, fmt::format("was made before {} was changed", changed->string()));
    damage_ = damage_at(paths.output);
    if (!damage_.empty()) return Standing::to_do;
    const bool score = !settings().evaluate.empty();
    Record record;
    record.point = one.point.name;
    record.status = score ? Status::unscored : Status::done;
    record.error = score ? "not evaluated yet" : "";
    record.identity = identity;
    if (has_contents(manifest)) record.contents = one.family.contents;
    record.settings = settings_of(one.point, recipe_json_of(one.point));
    record.statistics = statistics_in(manifest);
    record.output = paths.output.filename().string();
    record.hash = hash_in(manifest);
    record.inputs = files_of(one.family);
    std::error_code ignored;
    if (write_ && !fs::exists(paths.temporary)) fs::remove(paths.journal, ignored);  // of a run that was killed just before it removed it
    write(record);
    return score ? Standing::to_score : Standing::done;
  }

  const Specification& specification_;
  const Places& places_;
  bool overwrite_;
  bool write_;
  Problems& problems_;
  std::string evaluation_;
  PointProblems taken_;  // points whose places are, and by what
  std::map<Change, Changed> changes_;
  std::string damage_;  // of what recover() looked at last
};

}  // namespace

std::string identity_of(const std::string& recipe, const Family& family) {
  return recipe + '-' + family.identity;
}

void record_failure(const Places& places, const Settings& settings, const Record& failed) {
  const auto before = read_record(places.record(failed.point));
  const bool stands = before && before->status != Status::failed;
  if (!stands || is_replaced(*before, output_of(places.folder, failed.point, settings))) write_record(places, failed);
}

std::vector<PointState> look_at_points(const Specification& specification, const std::vector<PointKey>& keys,
                                       const std::vector<Family>& families, const Places& places, bool overwrite, bool write) {
  std::vector<PointState> states(specification.points());
  Problems problems;
  Look look{specification, places, overwrite, write, problems};
  for (const auto& family : families) {
    for (const auto point : family.points) {
      states[point] = family.problem.empty() ? look.at(family, point, identity_of(keys[point].recipe, family)) : look.without_inputs(point);
      if (states[point].standing == Standing::to_do && specification.settings().outputs != Outputs::statistics) {
        const auto output = output_of(places.folder, specification.point(point).name, specification.settings());
        problems.attempt([&] { refuse_lost_link(output, "remove it, or name another folder"); });
      }
    }
  }
  look.tell_of_others();
  problems.throw_if_any();
  return states;
}

}  // namespace dare::sweep
