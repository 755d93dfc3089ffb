#include "support/targets.hpp"

#include <dare/random/drop_stream.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace dare::random {
namespace {

nlohmann::json cases() {
  std::ifstream file{DARE_TEST_DATA "/masks.json"};
  return nlohmann::json::parse(file);
}

std::uint64_t hex(const nlohmann::json& text) {
  return std::stoull(text.get<std::string>(), nullptr, 16);
}

// Cases that an independent program has computed.
TEST(Masks, KeysThresholdsAndUniforms) {
  std::size_t checked = 0;
  for (const auto& test : cases()) {
    SCOPED_TRACE(test.dump());
    const auto name = test["name"].get<std::string>();
    const DropStream stream{test["seed"].get<std::uint64_t>(), test["stream"].get<std::uint64_t>(), name};
    EXPECT_EQ(drop_threshold(test["p"].get<double>()), test["threshold"].get<std::uint64_t>());
    if (!test.contains("key64")) continue;  // the two ties
    EXPECT_EQ(stream.key64(), hex(test["key64"]));
    EXPECT_EQ(stream.name64(), hex(test["name64"]));
    const auto first = test["first"].get<std::uint64_t>();
    for (std::size_t i = 0; i < test["uniforms_first8"].size(); ++i, ++checked)
      EXPECT_EQ(stream.uniform(first + i), hex(test["uniforms_first8"][i])) << i;
  }
  EXPECT_GE(checked, 40U);
}

TEST(Masks, DroppedElementsOnEveryTarget) {
  test::on_each_target([] {
    std::size_t checked = 0;
    for (const auto& test : cases()) {
      SCOPED_TRACE(test.dump());
      const DropStream stream{test["seed"].get<std::uint64_t>(), test["stream"].get<std::uint64_t>(), test["name"].get<std::string>()};
      const auto first = test["first"].get<std::uint64_t>();
      const auto n = test["n"].get<std::size_t>();
      const auto threshold = test["threshold"].get<std::uint64_t>();
      std::string one_by_one;
      for (std::size_t i = 0; i < n; ++i) one_by_one += stream.dropped(first + i, threshold) ? '1' : '0';
      EXPECT_EQ(one_by_one, test["dropped"].get<std::string>());
      if (threshold >= (std::uint64_t{1} << 32U)) continue;  // drops all: nothing to draw
      std::vector<std::uint16_t> room(DropStream::room_for(n));
      const auto settled = stream.settled(first, n, threshold, room);
      std::string together;
      for (std::size_t i = 0; i < n; ++i) together += settled.draws[i] < settled.limit ? '1' : '0';
      EXPECT_EQ(together, test["dropped"].get<std::string>());
      checked += n;
    }
    EXPECT_GE(checked, 1000U);
  });
}

}  // namespace
}  // namespace dare::random
