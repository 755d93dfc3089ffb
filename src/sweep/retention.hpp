#pragma once
/// Which checkpoints stay once they are scored.

#include "sweep/record.hpp"
#include "sweep/specification.hpp"

#include <vector>

namespace dare::sweep {

/// Position of the best scored record, the first of equals; nothing where none has the score. Pure.
[[nodiscard]] std::optional<std::size_t> best_of(const std::vector<Record>& records, const Settings& settings);

/// Deletes a record's checkpoint and writes that down. Local. @throws IoError
void delete_checkpoint(const Places& places, Record& record);

/// With keep: best deletes the checkpoints of all scored points but the best; with keep: none of all. Local. @throws IoError
void apply_retention(const Settings& settings, const Places& places, std::vector<Record> records);

}  // namespace dare::sweep
