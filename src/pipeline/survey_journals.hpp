#pragma once
/// What the passes before a statistics pass have found, on the disk: what a later run need not find again.

#include "pipeline/pass_journal.hpp"

#include <dare/comm/communicator.hpp>
#include <dare/core/hash.hpp>
#include <dare/merge/statistics.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace dare::pipeline {

/// What one product has of a tensor.
struct SurveyRecord {
  static constexpr std::size_t k_models = 16;  ///< of more the tensor is surveyed again

  Hash128 hash{};  ///< of all that follows
  std::uint32_t models = 0;
  std::uint32_t coefficients = 0;
  std::array<merge::ModelStatistics, k_models> of_models{};
  merge::Cut selected;
  std::array<double, k_models> of_combiner{};

  SurveyRecord() = default;
  /// @pre fits(statistics)
  explicit SurveyRecord(const merge::TensorStatistics& statistics);
  [[nodiscard]] static bool fits(const merge::TensorStatistics& statistics) noexcept;
  /// Nothing where it was never written, or is not what was written.
  [[nodiscard]] std::optional<merge::TensorStatistics> statistics() const;

 private:
  [[nodiscard]] Hash128 hash_of_rest() const noexcept;
};

/// Of a product's journal. Local.
[[nodiscard]] JournalHead survey_journal_head(const Work& work, const Product& product, const RunOptions& options);

using SurveyJournal = JournalOf<SurveyRecord>;

/// The journals of a pass, one a product. Files are made with the first record, by rank 0.
class SurveyJournals {
 public:
  /// Reads what interrupted runs left, and removes what they left of another recipe, other inputs or another program, and all where
  /// `options` say to begin anew. Collective. @param files  one a product.  @throws comm::AgreedError
  SurveyJournals(std::vector<std::filesystem::path> files, const Work& work, const RunOptions& options, const comm::Communicator& world);

  /// What an interrupted run has found of a product's task; the same on all ranks.
  [[nodiscard]] const merge::TensorStatistics* find(std::size_t product, std::uint32_t task) const;
  /// Frees what find() gives of a product. Local.
  void forget(std::size_t product) { known_[product].clear(); }
  /// Takes what was found, to be noted. Local.
  void add(std::size_t product, std::uint32_t task, const merge::TensorStatistics& statistics);
  /// Writes what was added since; rank 0 does. Local. @throws IoError
  void note();

 private:
  struct Found {
    std::uint32_t task = 0;
    merge::TensorStatistics statistics;
    template <class A>
    void archive(A& a) {
      a(task, statistics);
    }
  };
  [[nodiscard]] std::vector<Found> read(std::size_t product) const;

  std::vector<std::filesystem::path> files_;
  std::vector<JournalHead> heads_;  // on rank 0
  bool writes_;
  std::vector<std::map<std::uint32_t, merge::TensorStatistics>> known_;
  std::vector<std::map<std::uint32_t, SurveyRecord>> unnoted_;
};

}  // namespace dare::pipeline
