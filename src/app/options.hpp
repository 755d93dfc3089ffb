#pragma once
/// The options of a program as plain values, read off what the parser uses.

#include "app/program.hpp"

#include <string>
#include <vector>

namespace dare::app {

struct OptionFacts {
  std::string name;  ///< without dashes
  char letter = 0;   ///< of a short form; 0: none
  bool takes_value = false;
  std::string value_name;          ///< e.g. SIZE
  std::string default_text;        ///< empty: none, or the description says it
  bool path = false;               ///< the value is a path
  std::vector<std::string> words;  ///< or one of these
  std::string description;
};

struct OptionGroup {
  std::string title;
  std::vector<OptionFacts> options;
};

/// The groups of --help, the last of them --help and --version, which every program has.
[[nodiscard]] std::vector<OptionGroup> option_groups_of(const Program& program);

/// What every program takes beside its own groups.
[[nodiscard]] boost::program_options::options_description common_group();

}  // namespace dare::app
