#include "app/options.hpp"

#include "app/option_values.hpp"

#include <sstream>

namespace dare::app {
namespace {

namespace po = boost::program_options;

// Boost tells the default only within "SIZE (=512MiB)".
void split_parameter(const std::string& parameter, OptionFacts& facts) {
  const auto at = parameter.find(" (=");
  facts.value_name = parameter.substr(0, at);
  if (at != std::string::npos) facts.default_text = parameter.substr(at + 3, parameter.size() - at - 4);
}

OptionFacts facts_of(const po::option_description& option) {
  OptionFacts facts;
  facts.name = option.long_name();
  const auto short_form = option.canonical_display_name(po::command_line_style::allow_dash_for_short);
  if (short_form.size() == 2 && short_form[0] == '-') facts.letter = short_form[1];
  facts.description = option.description();
  const auto semantic = option.semantic();
  facts.takes_value = semantic->max_tokens() > 0;
  if (facts.takes_value) split_parameter(semantic->name(), facts);
  if (const auto* completes = dynamic_cast<const Completes*>(semantic.get())) {
    facts.words = completes->words();
    facts.path = facts.words.empty();
  }
  return facts;
}

}  // namespace

po::options_description common_group() {
  po::options_description group{"Always there"};
  group.add_options()("help,h", "the manual in short");
  group.add_options()("version", "version of the program and of the libraries it uses, and the SIMD instruction set");
  return group;
}

std::vector<OptionGroup> option_groups_of(const Program& program) {
  std::vector<OptionGroup> groups;
  auto declared = program.groups;
  declared.push_back(common_group());
  for (const auto& group : declared) {
    auto& into = groups.emplace_back();
    // Boost has no getter for the caption; it heads the printed group.
    std::ostringstream printed;
    printed << group;
    into.title = printed.str().substr(0, printed.str().find(":\n"));
    for (const auto& option : group.options()) into.options.push_back(facts_of(*option));
  }
  return groups;
}

}  // namespace dare::app
