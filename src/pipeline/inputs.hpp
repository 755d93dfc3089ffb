#pragma once
/// The open inputs of a run, read as tasks need them.

#include "pipeline/timings.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/checkpoint/reader.hpp>
#include <dare/comm/communicator.hpp>
#include <dare/merge/run.hpp>
#include <dare/pipeline/work.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dare::pipeline {

/// Closes what was being read when an AgreedError, which all ranks have, came: files that are left open stay so until MPI ends. Collective.
void close_after_failure(checkpoint::CheckpointReader& reader) noexcept;

class Inputs {
 public:
  /// Opens all inputs. Collective. References must outlive it.
  Inputs(const Work& work, const comm::Communicator& world, Timings& timings);
  /// Collective.
  void close();
  /// The same where an AgreedError ends their use. Collective.
  void close_after_failure() noexcept;

  /// A line an input: what it is and how it is read. Local.
  [[nodiscard]] std::vector<std::string> descriptions() const;

  /// Elements of one tensor of one input; what was read last of an input is not read again. Where rows are added an input may end before
  /// the extent does: the span ends there too. Valid until the next read of that input. Local. @throws IoError
  [[nodiscard]] std::span<const std::byte> read(std::size_t input, std::uint32_t tensor, merge::Extent extent);
  [[nodiscard]] std::span<const std::byte> read(const recipe::TensorTask::Input& input, merge::Extent extent);

  /// All that merging `wanted` of a task takes. Valid until the next call. Local. @throws IoError
  [[nodiscard]] merge::Run run(const recipe::TensorTask& task, merge::Extent wanted);

 private:
  struct Input {
    std::unique_ptr<checkpoint::CheckpointReader> reader;
    std::unique_ptr<checkpoint::LoraReader> low_rank;  // of an adapter
    std::vector<std::byte> bytes;                      // of the extent
    std::optional<std::uint32_t> tensor;               // that they belong to
    merge::Extent extent;
  };

  std::span<const std::byte> model(const recipe::TensorTask& task, const recipe::TensorTask::Input& input, merge::Extent extent);
  std::span<const std::byte> low_rank(std::size_t number, std::uint32_t tensor, merge::Extent extent,
                                      const checkpoint::LoraReader::BaseRun& base, bool wide);

  const Work& work_;
  Timings& timings_;
  std::vector<Input> inputs_;
  std::vector<std::span<const std::byte>> models_;
  std::vector<std::span<const std::byte>> auxiliaries_;
};

}  // namespace dare::pipeline
