#include <dare/metrics/align.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <dare/core/error.hpp>

#include <functional>
#include <unordered_map>

namespace dare::metrics {
namespace {

using IdOf = std::function<std::string(const Record&)>;
using Index = std::unordered_map<std::string, const Record*>;

void require_records(const Records& records) {
  if (records.records.empty()) throw InputError{fmt::format("{}: no records; expected at least one", records.path.string())};
}

Index index_by(const Records& records, const IdOf& id_of, std::string_view keep) {
  Index index;
  for (const auto& record : records.records) {
    const auto id = id_of(record);
    const auto [entry, is_new] = index.emplace(id, &record);
    if (!is_new) {
      throw InputError{fmt::format("{}: id \"{}\" was on {} {} already; keep one {} for each example", records.where(record), id,
                                   records.unit, entry->second->place, keep)};
    }
  }
  return index;
}

std::string first_of_more(std::size_t n) {
  return n > 1 ? fmt::format(" (the first of {} such)", n) : "";
}

Alignment by_id(const Records& predictions, const Records& references, const IdOf& id_of_prediction, const IdOf& id_of_reference,
                std::string by) {
  const auto predicted = index_by(predictions, id_of_prediction, "prediction");
  const auto expected = index_by(references, id_of_reference, "reference");
  std::vector<const Record*> strangers;
  for (const auto& record : predictions.records) {
    if (!expected.contains(id_of_prediction(record))) strangers.push_back(&record);
  }
  if (!strangers.empty()) {
    throw InputError{fmt::format("{}: id \"{}\" is not among the {} of {}{}; score against the split that was predicted",
                                 predictions.where(*strangers.front()), id_of_prediction(*strangers.front()), references.records.size(),
                                 references.path.string(), first_of_more(strangers.size()))};
  }
  Alignment out{{}, std::move(by)};
  std::vector<const Record*> missing;
  for (const auto& record : references.records) {
    const auto found = predicted.find(id_of_reference(record));
    if (found == predicted.end()) {
      missing.push_back(&record);
    } else {
      out.pairs.push_back({found->second, &record});
    }
  }
  if (!missing.empty()) {
    throw InputError{fmt::format("{}: no prediction for id \"{}\" of {}{}; predict every example", predictions.path.string(),
                                 id_of_reference(*missing.front()), references.where(*missing.front()), first_of_more(missing.size()))};
  }
  return out;
}

Alignment by_position(const Records& predictions, const Records& references) {
  const auto n = predictions.records.size();
  if (n != references.records.size()) {
    throw InputError{
        fmt::format("{}: {} predictions, {} has {} references, and no id field in both to match them by; predict every example once",
                    predictions.path.string(), n, references.path.string(), references.records.size())};
  }
  Alignment out{{}, "position: PREDICTIONS and REFERENCES share no id"};
  for (std::size_t i = 0; i < n; ++i) out.pairs.push_back({&predictions.records[i], &references.records[i]});
  return out;
}

IdOf field_reader(const Records& records, const std::string& field) {
  return [&records, field](const Record& record) { return value_of(records, record, field).text; };
}

}  // namespace

Alignment align(const Records& predictions, const Records& references, const std::string& id_field) {
  require_records(predictions);
  require_records(references);
  const auto by_field = [&](const std::string& field) {
    return by_id(predictions, references, field_reader(predictions, field), field_reader(references, field), field);
  };
  if (!id_field.empty()) return by_field(id_field);
  for (const auto* field : {"id", "index", "idx", "task_id", "question_id"}) {
    if (predictions.has(field) && references.has(field)) return by_field(field);
  }
  for (const auto* field : {"index", "idx"}) {
    if (!predictions.has(field)) continue;
    const auto* first = references.records.data();
    const auto row = [first](const Record& record) { return std::to_string(&record - first); };
    return by_id(predictions, references, field_reader(predictions, field), row, fmt::format("{}, as the row of REFERENCES", field));
  }
  return by_position(predictions, references);
}

std::string choose_field(const Records& records, const std::string& wanted, const std::vector<std::string>& candidates,
                         const std::string& option) {
  require_records(records);
  if (!wanted.empty()) return wanted;
  for (const auto& candidate : candidates) {
    if (records.has(candidate)) return candidate;
  }
  throw InputError{fmt::format("{}: no field {}; found {}; name the field with {}", records.path.string(), fmt::join(candidates, ", "),
                               fmt::join(records.names, ", "), option)};
}

const Value& value_of(const Records& records, const Record& record, const std::string& field) {
  const auto* value = record.find(field);
  if (value == nullptr) throw InputError{fmt::format("{}: no field \"{}\"", records.where(record), field)};
  if (value->kind == Value::Kind::null) throw InputError{fmt::format("{}: field \"{}\" is null", records.where(record), field)};
  return *value;
}

}  // namespace dare::metrics
