#include <dare/checkpoint/select.hpp>

#include <dare/core/error.hpp>

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace dare::checkpoint {
namespace {

Header header_of(const std::vector<std::string>& names) {
  Header header;
  header.root = "model";
  for (const auto& name : names) { header.tensors.push_back({name, Dtype::f32, {2}, 2, 8, 0, 8 * header.tensors.size(), "", {}, -1}); }
  return header;
}

const std::vector<std::string> k_names{"a.0.up.weight", "a.0.up.bias", "a.1.up.weight", "head.weight"};

std::vector<std::string> names_of(const Header& header) {
  std::vector<std::string> names;
  for (const auto& tensor : header.tensors) names.push_back(tensor.name);
  return names;
}

std::string refusal(const Selection& selection, const std::vector<std::string>& names = k_names) {
  try {
    static_cast<void>(select(header_of(names), selection));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "not refused";
}

TEST(Select, NothingToSelectChangesNothing) {
  EXPECT_EQ(names_of(select(header_of(k_names), {})), k_names);
}

TEST(Select, IncludesExcludesAndRenamesInThisOrder) {
  const Selection selection{{"^a\\.", "head"}, {"bias"}, {{"^a\\.(\\d+)", "layers.$1"}, {"layers", "model.$&"}, {"w", "W"}}};
  const auto header = select(header_of(k_names), selection);
  EXPECT_EQ(names_of(header), (std::vector<std::string>{"model.layers.0.up.Weight", "model.layers.1.up.Weight", "head.Weight"}));
  // A tensor keeps its place, and is found by its new name.
  EXPECT_EQ(header.tensors[1].offset, 16U);
  EXPECT_EQ(header.find("head.Weight"), &header.tensors[2]);
  EXPECT_EQ(header.find("head.weight"), nullptr);
}

TEST(Select, EveryMatchIsReplaced) {
  EXPECT_EQ(names_of(select(header_of({"a/b/c"}), {{}, {}, {{"/", "."}}})), std::vector<std::string>{"a.b.c"});
}

TEST(Select, NamesMaySwap) {
  const Selection swap{{}, {}, {{"^x$", "t"}, {"^y$", "x"}, {"^t$", "y"}}};
  EXPECT_EQ(names_of(select(header_of({"x", "y"}), swap)), (std::vector<std::string>{"y", "x"}));
}

TEST(Select, RenameIsPartedAtTheLastEqualsSign) {
  EXPECT_EQ(parse_rename("(?=x)y=z").pattern, "(?=x)y");
  EXPECT_EQ(parse_rename("(?=x)y=z").replacement, "z");
  EXPECT_EQ(parse_rename("x=").replacement, "");
  for (const std::string text : {"x", "=x", ""}) {
    try {
      static_cast<void>(parse_rename(text));
      ADD_FAILURE() << text;
    } catch (const UsageError& error) {
      EXPECT_EQ(error.what(), "--rename " + text + ": give REGEX=REPLACEMENT, e.g. '^transformer\\.=model.'");
    }
  }
}

TEST(Select, RefusesWhatIsFoundNowhere) {
  EXPECT_EQ(refusal({{"zzz"}, {}, {}}), "--include: \"zzz\" is found in the name of no tensor of model; dare-inspect lists them");
  EXPECT_EQ(refusal({{}, {"zzz"}, {}}), "--exclude: \"zzz\" is found in the name of no tensor of model; dare-inspect lists them");
  EXPECT_EQ(refusal({{"weight"}, {}, {{"bias", "b"}}}),
            "--rename: \"bias\" is found in the name of no selected tensor of model; dare-inspect lists them");
  EXPECT_EQ(refusal({{"weight"}, {"e"}, {}}), "model: --include and --exclude leave no tensor; dare-inspect lists them");
}

TEST(Select, RefusesNamesThatNoTensorMayHave) {
  EXPECT_EQ(refusal({{}, {}, {{"weight|bias", "x"}}}, {"a.weight", "a.bias", "b.weight"}),
            "--rename makes \"a.x\" of two tensors, \"a.weight\" and \"a.bias\"");
  EXPECT_EQ(refusal({{}, {}, {{"^head.weight$", "a.0.up.bias"}}}),
            "--rename makes \"a.0.up.bias\" of two tensors, \"a.0.up.bias\" and \"head.weight\"");
  EXPECT_EQ(refusal({{}, {}, {{"^head.weight$", ""}}}), "--rename makes \"\" of tensor \"head.weight\", which is no tensor's name");
  EXPECT_EQ(refusal({{}, {}, {{"^head.weight$", "__metadata__"}}}),
            "--rename makes \"__metadata__\" of tensor \"head.weight\", which is no tensor's name");
  // Half of a letter beyond ASCII.
  EXPECT_EQ(refusal({{}, {}, {{"\xc3", "x"}}}, {"\xc3\xa4"}), "--rename makes \"x\\xa4\" of tensor \"ä\", which is no tensor's name");
}

TEST(Select, TellsAllThatIsNoRegularExpression) {
  const auto text = refusal({{"("}, {std::string(1001, 'x')}, {{"[", "x"}}});
  EXPECT_THAT(text, testing::HasSubstr("3 problems found"));
  EXPECT_THAT(text, testing::HasSubstr("--include: \"(\" is no regular expression (ECMAScript): "));
  EXPECT_THAT(text, testing::HasSubstr("--exclude: a regular expression of 1001 bytes, at most 1000 are taken"));
  EXPECT_THAT(text, testing::HasSubstr("--rename: \"[\" is no regular expression (ECMAScript): "));
}

}  // namespace
}  // namespace dare::checkpoint
