#pragma once
/// Which prediction belongs to which reference, and which field of a record holds the value.

#include <dare/metrics/records.hpp>

#include <string>
#include <vector>

namespace dare::metrics {

struct Pair {
  const Record* prediction;
  const Record* reference;
};

struct Alignment {
  std::vector<Pair> pairs;  ///< in the references' order; pointers into the two Records
  std::string by;           ///< the id field, or "index, as the row of REFERENCES", or "position: PREDICTIONS and REFERENCES share no id"
};

/// Pairs every reference with its prediction: by `id_field` where one is named; else by the first of id, index, idx, task_id,
/// question_id that both files have; else, where predictions have index or idx (a GLUE submission), by the reference's row, from 0; else
/// by position.
/// @throws InputError  an id twice, an id on one side only, counts that differ, no records, no such field.
[[nodiscard]] Alignment align(const Records& predictions, const Records& references, const std::string& id_field = {});

/// `wanted` if given, else the first of `candidates` that the first record has.
/// @param option  the command line's way to name it, for the error text.
/// @throws InputError  there is none.
[[nodiscard]] std::string choose_field(const Records& records, const std::string& wanted, const std::vector<std::string>& candidates,
                                       const std::string& option);

/// The field's value. @throws InputError  the record has no such field, or null.
[[nodiscard]] const Value& value_of(const Records& records, const Record& record, const std::string& field);

}  // namespace dare::metrics
