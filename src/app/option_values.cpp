#include "app/option_values.hpp"

#include "recipe/numbers.hpp"

#include <dare/core/byte_size.hpp>
#include <dare/core/error.hpp>

#include <fmt/format.h>

#include <limits>

namespace dare::app {

namespace po = boost::program_options;

po::typed_value<std::string>* word_value(const std::string& name, std::vector<std::string> words) {
  auto* value = new CompletedValue<std::string>{std::move(words)};
  value->value_name(name);
  return value;
}

po::typed_value<std::string>* dtype_value(const std::string& name) {
  std::vector<std::string> words;
  for (const auto& dtype : dtypes()) {
    if (is_floating(dtype.dtype)) words.emplace_back(dtype.name);
  }
  return word_value(name, std::move(words));
}

double number_of(const std::string& option, const std::string& text) {
  if (const auto number = recipe::number_in(text)) return *number;
  throw po::error{
      fmt::format("--{}: expected a number such as {}, found \"{}\"", option, text.ends_with('%') ? "0.9 for 90 %" : "0.5", text)};
}

std::uint64_t whole_number_of(const std::string& option, const std::string& text) {
  if (const auto number = recipe::whole_in(text)) return *number;
  throw po::error{
      fmt::format("--{}: expected a whole number from 0 to {}, found \"{}\"", option, std::numeric_limits<std::uint64_t>::max(), text)};
}

std::vector<std::string> positional_words(const Given& given) {
  return list_value<std::string>(given, "words");
}

std::uint64_t size_value(const Given& given, const std::string& name) {
  try {
    return parse_byte_size(given[name].as<std::string>());
  } catch (const UsageError& error) { throw UsageError{fmt::format("--{}: {}", name, error.what())}; }
}

std::optional<Dtype> float_dtype(const Given& given, const std::string& option) {
  const auto text = optional_value<std::string>(given, option);
  if (!text) return std::nullopt;
  const auto dtype = dtype_from_user(*text);
  if (!dtype || !is_floating(*dtype)) {
    throw UsageError{
        fmt::format("--{} {}: no float type; give e.g. {}, {}, {}", option, *text, name(Dtype::f32), name(Dtype::bf16), name(Dtype::f16))};
  }
  return dtype;
}

}  // namespace dare::app
