#include <dare/checkpoint/header.hpp>

#include <gtest/gtest.h>

namespace dare::checkpoint {
namespace {

const std::string k_name = "model.layers.0.self_attn.q_proj.weight";  // long: not stored within the string itself
const std::string k_other = "model.layers.9.self_attn.k_proj.weight";

Header header_with(const std::string& name) {
  Header header;
  header.tensors.resize(2);
  header.tensors[0].name = "first";
  header.tensors[1].name = name;
  return header;
}

TEST(Header, ACopyFindsItsOwnTensors) {
  auto header = header_with(k_name);
  ASSERT_EQ(header.find(k_name), &header.tensors[1]);
  const auto copy = header;
  header.tensors[1].name.replace(0, k_other.size(), k_other);  // where a stale index of the copy would look
  EXPECT_EQ(copy.find(k_name), &copy.tensors[1]);
  EXPECT_EQ(copy.find(k_other), nullptr);
}

TEST(Header, AnAssignedOneForgetsTheNamesItHad) {
  auto header = header_with(k_name);
  ASSERT_NE(header.find(k_name), nullptr);
  const auto other = header_with(k_other);
  header = other;
  EXPECT_EQ(header.find(k_name), nullptr);
  EXPECT_EQ(header.find(k_other), &header.tensors[1]);
}

TEST(Header, AMovedOneKeepsItsNames) {
  auto header = header_with(k_name);
  ASSERT_NE(header.find(k_name), nullptr);
  const auto moved = std::move(header);
  EXPECT_EQ(moved.find(k_name), &moved.tensors[1]);
}

}  // namespace
}  // namespace dare::checkpoint
