#pragma once
/// Values of options: those that the shell can complete, numbers, and what is read of them once they are given.

#include "app/program.hpp"

#include <dare/core/dtype.hpp>

#include <boost/program_options.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
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
[[nodiscard]] boost::program_options::typed_value<std::string>* word_value(const std::string& name, std::vector<std::string> words);

/// An option whose value is a float type, see float_dtype().
[[nodiscard]] boost::program_options::typed_value<std::string>* dtype_value(const std::string& name);

/// The words of a table of (word, value) pairs.
template <class Table>
std::vector<std::string> words_of_table(const Table& table) {
  std::vector<std::string> words;
  for (const auto& entry : table) words.emplace_back(entry.first);
  return words;
}

/// The number that a value is, in the grammar of recipes. @throws boost::program_options::error  it is none, as recipes have it
[[nodiscard]] double number_of(const std::string& option, const std::string& text);
[[nodiscard]] std::uint64_t whole_number_of(const std::string& option, const std::string& text);

/// A number, a whole number of 64 bits, or several of them, read as those of recipes are; Boost's own reading takes -1 as 2^64 - 1.
template <class T>
class NumberValue final : public boost::program_options::typed_value<T> {
 public:
  explicit NumberValue(std::string option) : boost::program_options::typed_value<T>{nullptr}, option_{std::move(option)} {}

 private:
  void xparse(boost::any& store, const std::vector<std::string>& words) const override {
    if constexpr (std::is_arithmetic_v<T>) {
      boost::program_options::validators::check_first_occurrence(store);
      store = read<T>(boost::program_options::validators::get_single_string(words));
    } else {
      if (store.empty()) store = T{};
      for (const auto& word : words) boost::any_cast<T>(&store)->push_back(read<typename T::value_type>(word));
    }
  }
  template <class Number>
  Number read(const std::string& word) const {
    if constexpr (std::is_integral_v<Number>) return whole_number_of(option_, word);
    else return number_of(option_, word);
  }

  std::string option_;
};

/// As with Boost's value(), the options_description owns it. @param option  its name, for messages
template <class T>
boost::program_options::typed_value<T>* number_value(const std::string& option, const std::string& name) {
  auto* value = new NumberValue<T>{option};
  value->value_name(name);
  return value;
}

/// The words without a dash; empty where there are none.
[[nodiscard]] std::vector<std::string> positional_words(const Given& given);

/// The value of an option that may be left out.
template <class T>
std::optional<T> optional_value(const Given& given, const std::string& name) {
  if (given.count(name) == 0) return std::nullopt;
  return given[name].as<T>();
}

/// The values of an option that may be given more than once; empty where it is left out.
template <class T>
std::vector<T> list_value(const Given& given, const std::string& name) {
  return optional_value<std::vector<T>>(given, name).value_or(std::vector<T>{});
}

/// The value of an option that is a size in bytes. @pre it is given. @throws UsageError
[[nodiscard]] std::uint64_t size_value(const Given& given, const std::string& name);

/// The value of an option that is a float type, if it is given. @throws UsageError  it is another one, or none
[[nodiscard]] std::optional<Dtype> float_dtype(const Given& given, const std::string& name);

}  // namespace dare::app
