#pragma once
/// The records of what a pass has made.

#include "sweep/record.hpp"
#include "sweep/shared.hpp"

#include <dare/merge/measure.hpp>
#include <dare/merge/run.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dare::sweep {

/// Files forced to the disk together: many passes have more points than descriptors or memory are there for. Local.
class RecordBatch {
 public:
  /// It must outlive this.
  explicit RecordBatch(const Places& places) : places_{places} {}
  /// Files are written in the order in which they were added, some at once. @throws IoError
  void add(FileText file);
  void add(const Record& record);
  /// Writes what is left. @throws IoError
  void write();
  /// Those that were added.
  [[nodiscard]] std::int64_t records() const noexcept { return records_; }

 private:
  const Places& places_;
  std::vector<FileText> files_;
  std::int64_t records_ = 0;
};

/// Makes them, of the products of a pass that were not refused. Local: reads what is there of a point already.
class PassRecords {
 public:
  /// References must outlive it. @param compute_s  of each point
  PassRecords(const Shared& shared, const PassWork& pass, double compute_s) : shared_{shared}, pass_{pass}, compute_s_{compute_s} {}

  /// Of a checkpoint; "not evaluated yet" where it is to be and was not before its checkpoint was deleted. @throws Error  its manifest, or
  /// the record of before, cannot be read
  [[nodiscard]] Record of_model(std::size_t product, const merge::Counts& counts) const;
  /// @param tensors  of ProductMeasures.
  [[nodiscard]] Record of_statistics(std::size_t product, const std::vector<merge::Measures>& tensors) const;
  /// Of a folder of delta checkpoints of so many bytes. @throws Error  its manifest cannot be read
  [[nodiscard]] Record of_deltas(std::size_t product, std::uint64_t bytes) const;

 private:
  [[nodiscard]] Record of(std::size_t product) const;
  void name_output(std::size_t product, Record& record) const;
  void keep_scores(Record& record) const;

  const Shared& shared_;
  const PassWork& pass_;
  double compute_s_;
};

}  // namespace dare::sweep
