#pragma once
/// HumanEval's and MBPP's problems and the programs made of their samples.

#include <dare/metrics/records.hpp>
#include <dare/metrics/task.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dare::metrics {

struct CodeSample {
  std::string task_id;
  std::uint64_t number;   ///< among the samples of its task, from 0
  const Record* sample;   ///< in the samples
  const Record* problem;  ///< in the problems
};

/// Samples, or their results, in file order, each with its problem.
/// @throws InputError  a task_id that is not among the problems, a problem without a sample or twice there, no records.
[[nodiscard]] std::vector<CodeSample> match_samples(const Records& samples, const Records& problems);

/// The program that tests one sample.
/// HumanEval: prompt + completion, then `test` and check(entry_point); of a record with "solution" in place of "completion", that alone.
/// MBPP: test_setup_code or test_imports, the completion (or "code"), then test_list.
/// @param field  where the completion stands; empty: "completion", or as said above.
/// @throws InputError  a field is absent.
[[nodiscard]] std::string program_of(const Task& task, const CodeSample& sample, const Records& samples, const Records& problems,
                                     const std::string& field);

}  // namespace dare::metrics
