#include "core/json_fields.hpp"

#include "support/errors.hpp"

#include <gtest/gtest.h>

namespace dare {
namespace {

template <class Json>
class JsonFields : public testing::Test {};
using Kinds = testing::Types<nlohmann::json, nlohmann::ordered_json>;
TYPED_TEST_SUITE(JsonFields, Kinds);

template <class Read>
std::string refusal(Read&& read) {
  return test::error_text<JsonError>(read);
}

TYPED_TEST(JsonFields, ValuesOfTheTypeThatIsNeededAreGiven) {
  const auto json = TypeParam::parse(R"({"text": "ä", "whole": 18446744073709551615, "number": 0.5, "boolean": true, "list": [1]})");
  EXPECT_EQ(text_field(json, "", "text"), "ä");
  EXPECT_EQ(whole_field(json, "", "whole"), ~std::uint64_t{0});
  EXPECT_EQ(number_field(json, "", "number"), 0.5);
  EXPECT_EQ(number_field(TypeParam::parse(R"({"n": 3})"), "", "n"), 3);
  EXPECT_TRUE(boolean_field(json, "", "boolean"));
  EXPECT_EQ(list_field(json, "", "list").size(), 1U);
  EXPECT_EQ(&field(json, "", "text"), &json.at("text"));
}

TYPED_TEST(JsonFields, OthersAreToldWithTheirPlace) {
  const auto json = TypeParam::parse(R"({"text": "a", "whole": -1, "number": 1.5, "null": null, "list": [1, "b"], "object": {}})");
  EXPECT_EQ(refusal([&] { return text_field(json, "", "number"); }), "number is 1.5, expected a text");
  EXPECT_EQ(refusal([&] { return whole_field(json, "models[0]", "whole"); }), "models[0].whole is -1, expected a whole number from 0 up");
  EXPECT_EQ(refusal([&] { return whole_field(json, "", "number"); }), "number is 1.5, expected a whole number from 0 up");
  EXPECT_EQ(refusal([&] { return number_field(json, "", "text"); }), "text is \"a\", expected a number");
  EXPECT_EQ(refusal([&] { return boolean_field(json, "", "null"); }), "null is null, expected true or false");
  EXPECT_EQ(refusal([&] { return list_field(json, "a", "object"); }), "a.object is an object, expected a list");
  EXPECT_EQ(refusal([&] { return text_field(json, "", "list"); }), "list is a list, expected a text");
  EXPECT_EQ(refusal([&] { return text_field(json, "inputs[2]", "path"); }), "inputs[2].path is missing");
  EXPECT_EQ(refusal([&] { return as_whole(json["list"][1], place_of_entry("list", 1)); }),
            "list[1] is \"b\", expected a whole number from 0 up");
}

TYPED_TEST(JsonFields, WhatIsNoObjectHasNone) {
  for (const auto* text : {"[]", "null", "7", "\"text\""}) {
    const auto json = TypeParam::parse(text);
    const std::string found = json.is_array() ? "a list" : text;
    EXPECT_EQ(refusal([&] { return text_field(json, "", "a"); }), "the whole is " + found + ", expected an object");
    EXPECT_EQ(refusal([&] { return text_field(json, "a[0]", "b"); }), "a[0] is " + found + ", expected an object");
  }
}

TYPED_TEST(JsonFields, LongAndStrangeTextsAreShownInShort) {
  const TypeParam json{{"long", std::string(200, 'a')}, {"broken", "\xff"}, {"control", "\x9b\x1b"}};
  EXPECT_EQ(refusal([&] { return whole_field(json, "", "long"); }),
            "long is \"" + std::string(79, 'a') + "..., expected a whole number from 0 up");
  EXPECT_EQ(refusal([&] { return whole_field(json, "", "broken"); }), "broken is \"\uFFFD\", expected a whole number from 0 up");
  EXPECT_EQ(refusal([&] { return whole_field(json, "", "control"); }), "control is \"\uFFFD\\u001b\", expected a whole number from 0 up");
}

TYPED_TEST(JsonFields, DocumentsEndWithALine) {
  const auto json = TypeParam::parse(R"({"a": [1]})");
  EXPECT_EQ(json_text(json), R"({"a":[1]})");
  EXPECT_EQ(json_lines(json), "{\n  \"a\": [\n    1\n  ]\n}\n");
  EXPECT_EQ(json_lines(json, 1), "{\n \"a\": [\n  1\n ]\n}\n");
}

}  // namespace
}  // namespace dare
