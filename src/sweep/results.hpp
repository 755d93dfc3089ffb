#pragma once
/// results.csv and results.json: all records of a sweep's folder, a row a point.

#include "sweep/record.hpp"

#include <sys/types.h>

#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dare::sweep {

/// A text as it stands in a CSV file. Pure.
[[nodiscard]] std::string csv_cell(const std::string& text);

/// One line a record below a line of column names: point, status, the settings, statistics and scores that any record has, its times, the
/// output's name and hash, the error. Where models of any record differ in a setting it has a column a model besides, "drop_rate.1". A
/// score that is called like another column is "score." and its name. Pure.
[[nodiscard]] std::string to_csv(const std::vector<const Record*>& records);
/// A list of one object a record, with the same names. Pure.
[[nodiscard]] std::string to_json(const std::vector<const Record*>& records);

/// The records of a sweep's folder. Files that have not changed since are not read again.
class Results {
 public:
  /// @param order  the points' names in the sweep's order. References must outlive it.
  Results(const Places& places, const std::vector<std::string>& order);

  /// The records: those of the sweep's points in order, then others by name, as withdrawn: of points that it no longer has. They stay valid
  /// until the next call. Local. @throws IoError
  [[nodiscard]] std::vector<const Record*> read();
  /// Writes both files anew, each at once or not at all. Local. @throws IoError
  void write();

 private:
  using Key = std::pair<std::size_t, std::string>;  // position in the sweep, file's name
  struct Seen {
    ino_t file = 0;
    off_t bytes = 0;
    timespec written{};
    bool there = true;
    Record record;
  };
  [[nodiscard]] Key key_of(const std::string& file) const;

  const Places& places_;
  std::size_t points_;
  std::unordered_map<std::string_view, std::size_t> position_;
  std::map<Key, Seen> seen_;
};

}  // namespace dare::sweep
