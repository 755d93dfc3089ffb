#include "core/table.hpp"

#include <gtest/gtest.h>

namespace dare {
namespace {

TEST(Table, AlignsWordsLeftAndNumbersRight) {
  Table table{{"<name", "n", "<note"}};
  EXPECT_TRUE(table.empty());
  table.add({"a", "12345", ""});
  table.add({"longer", "1", "x"});
  EXPECT_EQ(table.text(), "name        n  note\na       12345\nlonger      1  x\n");
}

TEST(Table, NamesStandAboveTheirFiguresWhereThereIsNoRoomBesideThem) {
  Table table{{"n", "share", "<tensor"}};
  table.add({"12345", "0.5", "model.layers.31.weight"});
  table.add({"1", "-", "b"});
  const auto* const whole =
      "    n  share  tensor\n"
      "12345    0.5  model.layers.31.weight\n"
      "    1      -  b\n";
  EXPECT_EQ(table.text(), whole);
  EXPECT_EQ(table.text(36), whole);
  EXPECT_EQ(table.text(35),
            "tensor\n"
            "      n  share\n"
            "model.layers.31.weight\n"
            "  12345    0.5\n"
            "b\n"
            "      1      -\n");
}

TEST(Table, RowsBecomeColumnsAsFarAsThereIsRoom) {
  Table table{{"<model", "<F", "<delta"}, Table::Narrow::turned};
  table.add({"math", "0.125", "1"});
  table.add({"code", "absent"});
  table.add({"chat", "0.25", "2"});
  const auto* const whole =
      "model  F       delta\n"
      "math   0.125   1\n"
      "code   absent\n"
      "chat   0.25    2\n";
  EXPECT_EQ(table.text(20), whole);
  EXPECT_EQ(table.text(19),
            "model  math\n"
            "F      0.125\n"
            "delta  1\n"
            "\n"
            "model  code    chat\n"
            "F      absent  0.25\n"
            "delta          2\n");
  EXPECT_EQ(table.text(1),
            "model  math\nF      0.125\ndelta  1\n\n"
            "model  code\nF      absent\ndelta\n\n"
            "model  chat\nF      0.25\ndelta  2\n");
}

TEST(Table, IsTurnedWhereNamesAboveAreNotEnough) {
  Table table{{"<weight", "<rate", "<model"}};
  table.add({"0.25 to 0.75", "0.5 to 0.875", "math"});
  table.add({"1", "0.5", "code"});
  EXPECT_EQ(table.text(28), "model\n  weight        rate\nmath\n  0.25 to 0.75  0.5 to 0.875\ncode\n  1             0.5\n");
  EXPECT_EQ(table.text(27), "weight  0.25 to 0.75  1\nrate    0.5 to 0.875  0.5\nmodel   math          code\n");
  EXPECT_EQ(table.text(10), table.text(28));  // nothing fits
}

TEST(Table, Keys) {
  EXPECT_EQ(lines_of_keys({{"sum", "-0"}, {"result", "1"}}), "sum     -0\nresult  1\n");
  EXPECT_EQ(lines_of_keys({{"sum", "of all three"}, {"result", "1  2"}}, 15), "sum     of all\n        three\nresult  1  2\n");
}

}  // namespace
}  // namespace dare
