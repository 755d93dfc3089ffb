#pragma once
/// Points that read the same checkpoints, and the work that some of them are together.

#include "sweep/point_problems.hpp"
#include "sweep/record.hpp"
#include "sweep/specification.hpp"

#include "pipeline/verify/manifest_reader.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/core/hash.hpp>
#include <dare/merge/method.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/sources.hpp>
#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dare::sweep {

/// The record of a merge that a sweep varies: what its inputs were.
struct RecordedInputs {
  std::filesystem::path file;  ///< the manifest
  pipeline::Manifest manifest;
  std::filesystem::path inputs_at;  ///< relative paths are relative to it; empty: to the working folder
};

/// Checkpoints that points share, with their headers.
struct Family {
  pipeline::Sources sources;                             ///< of its first point's recipe
  bool recorded = false;                                 ///< they are those that the manifest names whose recipe is varied
  std::vector<std::uint64_t> points;                     ///< all of them: by seed, as those share draws, then in order
  Refusal problem;                                       ///< why its checkpoints cannot be read; empty: they can
  std::vector<std::vector<std::string>> content_hashes;  ///< by input and file; empty unless they were asked for
  std::string identity;                                  ///< hash of the inputs' headers
  std::string contents;                                  ///< hash of content_hashes; empty without them
  template <class A>
  void archive(A& a) {
    a(sources, recorded, points, problem, content_hashes, identity, contents);
  }
};

/// What a point's recipe says, in a few bytes: recipes are made once and not kept.
struct PointKey {
  std::string recipe;  ///< recipe_hash()
  Hash128 inputs{};    ///< of the paths of its checkpoints
  std::uint64_t seed = 0;
  const merge::Method* method = nullptr;
  Hash128 outcome{};  ///< outcome_of()
};

/// Of a recipe and the form of the output. Pure. @param recipe_json  of recipe::MergeJob.
[[nodiscard]] std::string recipe_hash(const std::string& recipe_json, const Settings& settings);

/// Makes every point, once. Local. @return of all points; those of which Specification::check() has told a problem have no method
[[nodiscard]] std::vector<PointKey> keys_of(const Specification& specification, Problems& problems);

/// Sorts points into families and reads the headers; what is wrong with them is their problem. Local.
/// @param keys      of all points; those without a method are left out.
/// @param recorded  inputs are held against it where the points say nothing of models; nullptr: there is no record.
/// @param problems  gets what differs from the record.
[[nodiscard]] std::vector<Family> read_families(const Specification& specification, const std::vector<PointKey>& keys,
                                                const RecordedInputs* recorded, Problems& problems);

/// The same on all ranks, with the identities. Collective. @throws comm::AgreedError  inputs are others than those recorded
/// @param keys         rank 0 alone needs them, as `recorded`.
/// @param hash_inputs  read and hash all contents too.
[[nodiscard]] std::vector<Family> find_families(const Specification& specification, const std::vector<PointKey>& keys,
                                                const RecordedInputs* recorded, bool hash_inputs, const comm::Communicator& world);

/// The work without products: headers alone. The family must outlive it.
[[nodiscard]] pipeline::Work inputs_of(const Family& family);

/// Path, size in bytes and time of last change of every file that the checkpoints' weights are read from, in order. Pure.
[[nodiscard]] nlohmann::ordered_json files_of(const Family& family);

/// The settings of a recipe that a table of results is read by, flat. A value that differs between models is null, and there is one a model
/// beside it, in their order: "drop_rate.1", "drop_rate.2". The models' names are joined by '+'. Pure.
/// @param recipe_json  of recipe::MergeJob.
[[nodiscard]] nlohmann::ordered_json settings_of(const Point& point, const std::string& recipe_json);

/// What a point writes, below `folder`: a checkpoint, or a folder of delta checkpoints.
[[nodiscard]] std::filesystem::path output_of(const std::filesystem::path& folder, const std::string& point, const Settings& settings);

/// One pass: the points of a batch as one work for the slice loop.
class PassWork {
 public:
  /// References must outlive it. Pure: every rank makes the same one.
  PassWork(const Specification& specification, const Family& family, const std::vector<std::uint64_t>& points,
           const std::filesystem::path& folder, const pipeline::RunOptions& run);
  PassWork(const PassWork&) = delete;
  PassWork& operator=(const PassWork&) = delete;

  struct Refused {
    std::uint64_t point = 0;
    Refusal why;
  };
  /// Points whose recipes do not fit the checkpoints.
  [[nodiscard]] const std::vector<Refused>& refused() const noexcept { return refused_; }
  /// The others, in order; one a product.
  [[nodiscard]] const std::vector<std::uint64_t>& points() const noexcept { return points_; }
  [[nodiscard]] const Family& family() const noexcept { return family_; }
  [[nodiscard]] const pipeline::Work& work() const noexcept { return work_; }
  [[nodiscard]] const recipe::Recipe& recipe(std::size_t product) const { return *recipes_[product]; }

 private:
  const Family& family_;
  std::vector<std::unique_ptr<const recipe::Recipe>> recipes_;
  std::vector<std::uint64_t> points_;
  std::vector<Refused> refused_;
  pipeline::Work work_;
};

}  // namespace dare::sweep
