#pragma once
/// The statistics of merges instead of their outputs.

#include <dare/comm/communicator.hpp>
#include <dare/merge/measure.hpp>
#include <dare/pipeline/run_options.hpp>
#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace dare::pipeline {

/// Of one product; the same on all ranks.
struct ProductMeasures {
  std::optional<comm::AgreedError> refusal;  ///< why it has none
  std::vector<merge::Measures> tensors;      ///< one a task; all zero where a tensor is not merged
};

/// What a pass found.
struct Measurement {
  std::vector<ProductMeasures> products;
  std::uint64_t bytes_read = 0;  ///< by the blocks that were measured
};

/// Where measure() notes what it has of a product: in folders that all ranks see; made where a pass takes long enough.
struct MeasureFiles {
  std::filesystem::path sums;    ///< of what is measured
  std::filesystem::path passes;  ///< what the passes before that have found
};

/// Bytes that the journals of the first product take on the disk at most. Pure.
[[nodiscard]] std::uint64_t measure_journal_bytes(const Work& work);

/// Whether measure() would go on from a journal of a product: it is there, of the same recipe, inputs and program, and `options` say so.
/// Where contents are to be hashed and are not yet, they count for equal. Local. @throws IoError
[[nodiscard]] bool goes_on_measuring(const MeasureFiles& journals, const Work& work, const Product& product, const RunOptions& options);

/// Measures every product of `work` in one read of the inputs, after the passes that its method needs. What these find and the sums of what
/// is measured are noted in the journals at intervals and when a signal or an error ends the pass: the next one with the same journals
/// measures the rest, whatever its ranks and its other products are. Collective; as everywhere the numbers do not depend on the ranks, nor
/// on interruptions.
/// @param journals  of each product. The caller removes them once it has no more need of them.
/// @pre merge::TensorMeasurer::can_measure() every tensor that is merged
/// @throws comm::AgreedError  the inputs cannot be read, a journal cannot be written, a signal came.
[[nodiscard]] Measurement measure(const Work& work, const std::vector<MeasureFiles>& journals, const RunOptions& options,
                                  const comm::Communicator& world);

}  // namespace dare::pipeline
