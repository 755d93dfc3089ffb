#pragma once
/// What is known of a point: a file of its own in the sweep's folder, written at once or not at all.

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dare::sweep {

enum class Status : std::uint8_t {
  failed,    ///< nothing was made
  unscored,  ///< its checkpoint is there, but its evaluation failed
  done,
  withdrawn,  ///< the sweep no longer has the point: of rows alone, no record is written with it
};
[[nodiscard]] std::string_view name(Status status) noexcept;

/// Wall time of the pass that finished the point, over the points that the pass made.
inline constexpr auto k_compute_seconds = "compute_seconds";
/// Wall time of the command that gave the scores, or failed to.
inline constexpr auto k_evaluate_seconds = "evaluate_seconds";

struct Record {
  std::string point;
  Status status = Status::failed;
  std::string error;     ///< why it is not done
  std::string identity;  ///< identity_of() the point when it was made
  std::string contents;  ///< hash of the inputs' contents; empty where they were not hashed
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();
  nlohmann::ordered_json statistics = nlohmann::ordered_json::object();
  nlohmann::ordered_json scores = nlohmann::ordered_json::object();
  nlohmann::ordered_json times = nlohmann::ordered_json::object();  ///< by k_compute_seconds and k_evaluate_seconds, where they are known
  std::string evaluated;                                            ///< evaluation_hash() of the command that gave the scores, or failed to
  std::string output;  ///< the checkpoint's name in the sweep's folder; empty where there is none, or no longer
  std::string hash;    ///< XXH3-128 of the hashes of its blocks
  nlohmann::ordered_json inputs = nlohmann::ordered_json::array();  ///< files_of() the family; empty: an earlier version made it
};

/// A time as records have it: seconds, to the microsecond. Pure.
[[nodiscard]] double to_seconds(std::chrono::duration<double> time) noexcept;

/// The names in a sweep's folder.
struct Places {
  explicit Places(std::filesystem::path sweep) : folder{std::move(sweep)}, records{folder / "points"} {}
  [[nodiscard]] std::filesystem::path record(std::string_view point) const { return records / (std::string{point} + ".json"); }
  [[nodiscard]] std::filesystem::path log(std::string_view point) const { return records / (std::string{point} + ".log"); }
  [[nodiscard]] std::filesystem::path tensors(std::string_view point) const { return records / (std::string{point} + ".tensors.csv"); }
  /// The journal of a point's statistics, while they are measured.
  [[nodiscard]] std::filesystem::path sums(std::string_view point) const { return records / (std::string{point} + ".sums"); }
  /// The journal of what the passes before that have found.
  [[nodiscard]] std::filesystem::path passes(std::string_view point) const { return records / (std::string{point} + ".passes"); }
  std::filesystem::path folder;
  std::filesystem::path records;
};

/// A file and the text that it is to have.
struct FileText {
  std::filesystem::path file;
  std::string text;
};

/// Replaces files of one folder by ones with these texts, in this order; a reader finds of each the old text or the new. All are forced to
/// the disk together, which takes a sync a file and one of the folder. Local. @throws IoError  some may have their new text.
void replace_texts(std::span<const FileText> files);

/// Removes what a run that was killed within replace_texts() left in a sweep's folders; nobody else may be at it. Local.
void remove_cut_texts(const Places& places) noexcept;

/// What a record's file holds. Pure.
[[nodiscard]] FileText file_of(const Places& places, const Record& record);
/// Local. @throws IoError
void write_record(const Places& places, const Record& record);
/// Nothing where there is none, or none that can be understood. Local. @throws IoError
[[nodiscard]] std::optional<Record> read_record(const std::filesystem::path& file);

}  // namespace dare::sweep
