#include "core/bounded_json.hpp"

#include "support/errors.hpp"

#include <gtest/gtest.h>

namespace dare {
namespace {

std::string fault(std::string_view text) {
  return test::error_text<JsonError>([&] { return parse_bounded<nlohmann::json>(text, {}); });
}

TEST(BoundedJson, FaultsAreToldByTheirPlace) {
  EXPECT_EQ(fault(R"({"a": [1]})"), "");
  EXPECT_EQ(fault(""), "ends in the middle, in line 1");
  EXPECT_EQ(fault("{\"a\": 1,\n"), "ends in the middle, in line 2");
  EXPECT_EQ(fault("{\"a\": 1,\n}"), "line 2, column 1: expected string literal");
  EXPECT_EQ(fault("{\"a\" 1}"), "line 1, column 6: expected ':'");
  EXPECT_EQ(fault("{}\n}"), "line 2, column 1: expected end of input");
  EXPECT_EQ(fault("<html>"), "line 1, column 1: no JSON");
  EXPECT_EQ(fault("[\"\xff\"]"), "line 1, column 3: no JSON");
  EXPECT_EQ(fault("[1e999]"), "a number that no float64 holds");
}

TEST(BoundedJson, BoundsAreKept) {
  EXPECT_EQ(fault(R"({"a": 1, "a": 2})"), "\"a\" stands twice");
  EXPECT_EQ(fault(std::string(40, '[')), "nested deeper than 32 levels");
}

}  // namespace
}  // namespace dare
