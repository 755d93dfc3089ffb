#include "core/printable.hpp"

#include <gtest/gtest.h>

#include <string>

namespace dare {
namespace {

using namespace std::string_literals;

TEST(Printable, LettersOfAnyAlphabetStay) {
  for (const std::string text : {"", "a b~", "\"\\", "größe", "模型", "\U0001F600", "\u00A0"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(one_line(text), text);
    EXPECT_EQ(printable_lines(text), text);
    EXPECT_FALSE(has_unprintable(text)) << text;
    EXPECT_TRUE(is_utf8_without_nul(text)) << text;
  }
}

TEST(Printable, ControlCharactersAreNumbers) {
  const auto text =
      "a\x1b[31m\x7f\0\r\n\t\xc2\x9b"
      "1m"s;
  EXPECT_EQ(printable(text), "a\\x1b[31m\\x7f\\x00\\x0d\\x0a\\x09\\xc2\\x9b1m");
  EXPECT_EQ(one_line(text), printable(text));
  EXPECT_EQ(printable_lines(text), "a\\x1b[31m\\x7f\\x00\\x0d\n\t\\xc2\\x9b1m");
  EXPECT_FALSE(is_utf8_without_nul(text));
  for (const std::string one : {"\x1f", "\n", "\x7f", "\xc2\x80", "\xc2\x9f"}) {
    EXPECT_TRUE(has_unprintable("ä" + one)) << printable(one);
    EXPECT_TRUE(is_utf8_without_nul("ä" + one)) << printable(one);
  }
}

// Bytes alone, sequences that are cut, over-long ones, surrogates, and what is beyond Unicode.
TEST(Printable, WhatIsNoUtf8IsNumbers) {
  const std::pair<std::string, std::string> pairs[]{{"\xff", "\\xff"},
                                                    {"\xe4x", "\\xe4x"},
                                                    {"\xc3", "\\xc3"},
                                                    {"\xa4", "\\xa4"},
                                                    {"\xc0\xaf", "\\xc0\\xaf"},
                                                    {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
                                                    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                                    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
                                                    {"\xf0\x9f\x98", "\\xf0\\x9f\\x98"}};
  for (const auto& [bytes, shown] : pairs) {
    EXPECT_EQ(printable("ä" + bytes + "z"), "ä" + shown + "z");
    EXPECT_TRUE(has_unprintable(bytes)) << shown;
    EXPECT_FALSE(is_utf8_without_nul(bytes)) << shown;
  }
}

TEST(Printable, LongTextsEndInDots) {
  EXPECT_EQ(printable(std::string(80, 'a')), std::string(80, 'a'));
  EXPECT_EQ(printable(std::string(81, 'a')), std::string(80, 'a') + "...");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("abc", 0), "...");
  EXPECT_EQ(printable("", 0), "");
  EXPECT_EQ(one_line(std::string(500, 'a')), std::string(500, 'a'));
}

TEST(Printable, NoCharacterIsCut) {
  EXPECT_EQ(printable("aää", 5), "aää");
  EXPECT_EQ(printable("aää", 4), "aä...");
  EXPECT_EQ(printable("aää", 3), "aä...");
  EXPECT_EQ(printable("aää", 2), "a...");
}

TEST(Printable, QuotesStandAroundAllOfIt) {
  EXPECT_EQ(in_quotes("a\n"), "\"a\\x0a\"");
  EXPECT_EQ(in_quotes(std::string(61, 'b')), '"' + std::string(60, 'b') + "...\"");
}

// A message may go through it more than once on its way.
TEST(Printable, WhatWasPrintableStaysAsItIs) {
  const auto once = one_line("ä\x1b\xff\n");
  EXPECT_EQ(one_line(once), once);
  EXPECT_EQ(printable_lines(once), once);
}

}  // namespace
}  // namespace dare
