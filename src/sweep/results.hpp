#pragma once
/// results.csv and results.json: all records of a sweep's folder, a row a point.

#include "sweep/record.hpp"

#include <string>
#include <vector>

namespace dare::sweep {

/// The records of the folder: those of `order` in that order, then others (of points that the sweep no longer has) by name. Local.
/// @throws IoError
[[nodiscard]] std::vector<Record> read_records(const Places& places, const std::vector<std::string>& order);

/// A text as it stands in a CSV file. Pure.
[[nodiscard]] std::string csv_cell(const std::string& text);

/// One line a record below a line of column names: point, status, the settings, statistics and scores that any record has, the output's
/// name and hash, the error. Pure.
[[nodiscard]] std::string to_csv(const std::vector<Record>& records);
/// A list of one object a record, with the same names. Pure.
[[nodiscard]] std::string to_json(const std::vector<Record>& records);

/// Writes both files anew, each at once or not at all. Local. @throws IoError
void write_results(const Places& places, const std::vector<std::string>& order);

}  // namespace dare::sweep
