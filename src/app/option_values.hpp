#pragma once
/// Values of options that the shell can complete: paths, and one of a few words.

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>
#include <boost/program_options.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dare::app {

/// What an option's value can be; beside Boost's own description of the value, so that one declaration serves parsing and completion.
class Completes {
 public:
  explicit Completes(std::vector<std::string> words) : words_{std::move(words)} {}
  virtual ~Completes() = default;
  /// Empty: a path.
  [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }

 private:
  std::vector<std::string> words_;
};

template <class T>
class CompletedValue : public boost::program_options::typed_value<T>, public Completes {
 public:
  explicit CompletedValue(std::vector<std::string> words) : boost::program_options::typed_value<T>{nullptr}, Completes{std::move(words)} {}
};

/// An option whose value is a path. As with Boost's value(), the options_description owns it.
template <class T = std::string>
boost::program_options::typed_value<T>* path_value(const char* name) {
  auto* value = new CompletedValue<T>{{}};
  value->value_name(name);
  return value;
}

/// An option whose value is one of `words`. They are not checked here: who knows their meaning does, with a better message.
inline boost::program_options::typed_value<std::string>* word_value(const char* name, std::vector<std::string> words) {
  auto* value = new CompletedValue<std::string>{std::move(words)};
  value->value_name(name);
  return value;
}

/// The value of an option that counts ranks, nodes or groups, if it is given. @throws UsageError  below 1 or above 2^20
[[nodiscard]] inline std::optional<int> count_value(const boost::program_options::variables_map& given, const char* name) {
  if (given.count(name) == 0) return std::nullopt;
  const auto n = given[name].as<int>();
  if (n < 1 || n > 1 << 20) throw UsageError{fmt::format("--{} {}: give a number from 1 to {}", name, n, 1 << 20)};
  return n;
}

/// The value of an option that is a size in bytes. @pre it is given. @throws UsageError
[[nodiscard]] inline std::uint64_t size_value(const boost::program_options::variables_map& given, const std::string& name) {
  try {
    return parse_byte_size(given[name].as<std::string>());
  } catch (const UsageError& error) { throw UsageError{fmt::format("--{}: {}", name, error.what())}; }
}

/// Checks --ranks and --nodes against each other and --plan. @throws UsageError
inline void check_planned_cluster(std::optional<int> ranks, std::optional<int> nodes, bool plan) {
  if ((ranks || nodes) && !plan) throw UsageError{"--ranks and --nodes go with --plan; ranks to run with are mpirun's or srun's to give"};
  if (nodes && !ranks) throw UsageError{"--nodes says where --ranks run; give --ranks too"};
  if (nodes && *nodes > *ranks)
    throw UsageError{fmt::format("--ranks {} cannot be on --nodes {}: give a rank a node or more", *ranks, *nodes)};
}

/// The words of a table of (word, value) pairs.
template <class Table>
std::vector<std::string> words_of_table(const Table& table) {
  std::vector<std::string> words;
  for (const auto& entry : table) words.emplace_back(entry.first);
  return words;
}

}  // namespace dare::app
