#include "sweep/pass_records.hpp"

#include "sweep/evaluation.hpp"
#include "sweep/measures.hpp"
#include "sweep/point_manifest.hpp"
#include "sweep/standing.hpp"

#include <dare/core/packed.hpp>
#include <dare/core/shape.hpp>
#include <dare/pipeline/manifest.hpp>
#include <dare/pipeline/output_paths.hpp>

#include <utility>

namespace dare::sweep {
namespace {

constexpr std::size_t k_files_together = 128;

// Of an output's weights.
std::uint64_t bytes_of(const pipeline::Work& work, const pipeline::Product& product) {
  const auto bits = pipeline::write_bits(product, work);
  std::uint64_t bytes = 0;
  for (std::size_t t = 0; t < bits.size(); ++t) bytes += packed_bytes(*checked_elements(product.job.tasks[t].shape), bits[t]);
  return bytes;
}

}  // namespace

void RecordBatch::add(FileText file) {
  files_.push_back(std::move(file));
  if (files_.size() == k_files_together) write();
}

void RecordBatch::add(const Record& record) {
  add(file_of(places_, record));
  ++records_;
}

void RecordBatch::write() {
  replace_texts(files_);
  files_.clear();
}

Record PassRecords::of(std::size_t product) const {
  const auto number = pass_.points()[product];
  const auto& recipe_json = pass_.work().products[product].job.recipe_json;
  Record record;
  record.point = shared_.names[number];
  record.status = Status::done;
  record.identity = identity_of(recipe_hash(recipe_json, shared_.settings()), pass_.family());
  record.contents = pass_.family().contents;
  record.inputs = files_of(pass_.family());
  record.settings = settings_of(shared_.specification.point(number), recipe_json);
  record.times[k_compute_seconds] = compute_s_;
  return record;
}

void PassRecords::name_output(std::size_t product, Record& record) const {
  const auto& output = pass_.work().products[product].output;
  record.output = output.filename().string();
  record.hash = hash_in_manifest(pipeline::OutputPaths{output}.manifest);
}

Record PassRecords::of_model(std::size_t product, const merge::Counts& counts) const {
  auto record = of(product);
  if (!shared_.settings().evaluate.empty()) {
    record.status = Status::unscored;
    record.error = "not evaluated yet";
  }
  record.statistics = {{"elements_merged", counts.merged},
                       {"elements_lost", counts.swallowed},
                       {"bytes", bytes_of(pass_.work(), pass_.work().products[product])}};
  name_output(product, record);
  keep_scores(record);
  return record;
}

Record PassRecords::of_statistics(std::size_t product, const std::vector<merge::Measures>& tensors) const {
  merge::Measures all;
  for (const auto& tensor : tensors) all.add(tensor);
  auto record = of(product);
  record.statistics = statistics_of(all);
  return record;
}

Record PassRecords::of_deltas(std::size_t product, std::uint64_t bytes) const {
  auto record = of(product);
  record.statistics = {{"bytes", bytes}};
  name_output(product, record);
  return record;
}

// Of a point that was scored before its checkpoint was deleted.
void PassRecords::keep_scores(Record& record) const {
  const auto& settings = shared_.settings();
  const auto before = read_record(shared_.places.record(record.point));
  if (settings.evaluate.empty() || !before || !before->output.empty()) return;
  if (before->status != Status::done || !has_scores(*before, settings)) return;
  if (before->identity != record.identity || before->hash != record.hash) return;
  record.status = Status::done;
  record.error.clear();
  record.scores = before->scores;
  record.evaluated = before->evaluated;
  if (before->times.contains(k_evaluate_seconds)) record.times[k_evaluate_seconds] = before->times[k_evaluate_seconds];
}

}  // namespace dare::sweep
