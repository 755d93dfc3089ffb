#include "recipe/support.hpp"

#include <gmock/gmock.h>

namespace dare::recipe {
namespace {

using test::parse_error;
using test::parsed;
using test::with;
using testing::ElementsAre;

TEST(Compat, RescaleAsMergekitWritesIt) {
  const auto rescale = [](const std::string& lines) { return parsed(with(lines)).parameters.rescale; };
  EXPECT_EQ(rescale("parameters: {rescale: true}"), merge::Rescale::expected);
  EXPECT_EQ(rescale("parameters: {rescale: false}"), merge::Rescale::none);
  EXPECT_EQ(rescale("parameters: {rescale: true}\ncompat: mergekit"), merge::Rescale::l1);
  EXPECT_EQ(rescale("parameters: {rescale: l1}"), merge::Rescale::l1);
}

TEST(Compat, MergelmKnowsWhatTheOfficialCodeKnows) {
  EXPECT_EQ(parse_error(with("compat: mergelm\ntensor_order: [a, b]")), "");
  EXPECT_EQ(parse_error(with("tensor_order: [a]")), "2: r.yml:4: tensor_order has no effect without compat: mergelm; leave it out");
  EXPECT_EQ(parse_error(with("compat: mergelm\ntensor_order: [a, b, a]")), "2: r.yml:5: tensor_order names \"a\" twice");
  EXPECT_EQ(parse_error(with(
                "compat: mergelm\nparameters: {weight: 0.5, rescale: l1, normalize: true}\nseed: 4294967296\nmissing: skip\nrows: base")),
            "2: 6 problems found:\n"
            "  r.yml:5: compat: mergelm scales by lambda alone; weight can only be 1\n"
            "  r.yml:5: compat: mergelm rescales by 1/(1 - drop_rate); rescale can only be expected\n"
            "  r.yml:5: compat: mergelm does not normalize\n"
            "  r.yml:6: compat: mergelm seeds MT19937 with 32 bits; 4294967296 is above 4294967295\n"
            "  r.yml:7: compat: mergelm draws for every tensor; missing can only be error\n"
            "  r.yml:8: compat: mergelm draws for every tensor; rows can only be error");
  EXPECT_EQ(parse_error("merge_method: task_arithmetic\nbase_model: b\nmodels: [{model: m}]\ncompat: mergelm"),
            "2: r.yml:4: compat: mergelm is for dare_linear, found task_arithmetic");
}

std::vector<std::string> notes_of(const std::string& method, const std::string& lines, const Overrides& overrides = {}) {
  return parsed("merge_method: " + method + "\nbase_model: b\nmodels: [{model: m, parameters: {density: 0.5}}]\n" + lines, overrides).notes;
}

TEST(Compat, DefaultsThatAreNotMergekitsAreSaid) {
  const auto left_open = [](const std::string& key, const std::string& here, const std::string& there, const std::string& method) {
    return "r.yml: " + key + ": " + here + " is the default here, mergekit's is " + there + " for " + method +
           "; compat: mergekit takes its defaults";
  };
  const auto normalize = [&](const std::string& method) { return left_open("normalize", "true", "false", method); };
  const auto rescale = [&](const std::string& method) { return left_open("rescale", "expected", "l1", method); };
  EXPECT_THAT(notes_of("dare_ties", ""), ElementsAre(normalize("dare_ties")));
  EXPECT_THAT(notes_of("breadcrumbs_ties", ""), ElementsAre(normalize("breadcrumbs_ties")));
  for (const std::string method : {"della", "della_linear"}) EXPECT_THAT(notes_of(method, ""), ElementsAre(rescale(method)));
  for (const std::string method : {"dare_linear", "ties", "breadcrumbs", "magnitude_prune", "dare_average"})
    EXPECT_THAT(notes_of(method, ""), ElementsAre()) << method;
  EXPECT_THAT(notes_of("dare_ties", "parameters: {normalize: false}"), ElementsAre());
  EXPECT_THAT(notes_of("dare_ties", "parameters: {rescale: expected}"), ElementsAre(normalize("dare_ties")));
  const std::string is_true = "r.yml:4: rescale: true is expected here, l1 in mergekit; compat: mergekit takes its meaning";
  EXPECT_THAT(notes_of("dare_linear", "parameters: {rescale: true}"), ElementsAre());
  EXPECT_THAT(notes_of("della_linear", "parameters: {rescale: true}"), ElementsAre(is_true));
  EXPECT_THAT(notes_of("ties", "parameters: {rescale: true}"), ElementsAre(is_true));
  EXPECT_THAT(notes_of("dare_average", "parameters: {rescale: true}"), ElementsAre());
  EXPECT_THAT(notes_of("dare_linear", "parameters: {rescale: \"none\"}"), ElementsAre());
}

TEST(Compat, WhoStatesItHearsNothingOfDefaults) {
  for (const std::string compat : {"none", "mergekit"}) {
    EXPECT_THAT(notes_of("dare_ties", "compat: " + compat), ElementsAre());
    EXPECT_THAT(notes_of("dare_ties", "parameters: {rescale: true}\ncompat: " + compat), ElementsAre());
  }
  Overrides options;
  options.policies["compat"] = "none";
  EXPECT_THAT(notes_of("dare_ties", "", options), ElementsAre());
  Overrides rescale;
  rescale.parameters["rescale"] = std::string{"expected"};
  EXPECT_THAT(notes_of("della_linear", "parameters: {rescale: true}", rescale), ElementsAre());
  Overrides alone;
  alone.method = "dare_ties";
  alone.base = "b";
  alone.models = {"m"};
  alone.parameters["drop_rate"] = std::vector<double>{0.5};
  EXPECT_THAT(load({}, alone).notes, ElementsAre());
}

// What `rescale: true` means follows the compat that holds in the end.
TEST(Compat, TheCommandLineUndoesTheRecipes) {
  const std::string yaml =
      "merge_method: dare_linear\nbase_model: b\nmodels: [{model: m}]\nparameters: {density: 0.5, rescale: true}\ncompat: mergekit\n";
  Overrides none;
  none.policies["compat"] = "none";
  EXPECT_EQ(*parsed(yaml).parameters.rescale, merge::Rescale::l1);
  EXPECT_EQ(*parsed(yaml, none).parameters.rescale, merge::Rescale::expected);
  EXPECT_EQ(parsed(yaml, none).compat, merge::Compat::none);
  EXPECT_EQ(parse_error(test::with("compat: peft\n"), none), "2: r.yml:4: compat: expected none, mergelm or mergekit, found \"peft\"");
}

}  // namespace
}  // namespace dare::recipe
