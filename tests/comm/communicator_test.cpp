#include <dare/comm/communicator.hpp>

#include "support/world.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

namespace dare::comm {
namespace {

using test::world;

struct Sample {
  std::string text;
  std::vector<std::string> list;
  std::optional<double> number;
  std::map<std::string, int> table;
  template <class A>
  void archive(A& a) {
    a(text, list, number, table);
  }
};

TEST(Communicator, FromRootGivesEveryRankTheValue) {
  const auto value = world().from_root([] { return Sample{"tête", {"a", "", "c"}, 0.5, {{"x", 1}, {"y", -2}}}; });
  EXPECT_EQ(value.text, "tête");
  EXPECT_EQ(value.list, (std::vector<std::string>{"a", "", "c"}));
  EXPECT_EQ(value.number, 0.5);
  EXPECT_EQ(value.table.at("y"), -2);
}

TEST(Communicator, ErrorOfTheRootIsEveryones) {
  try {
    (void)world().from_root([]() -> int { throw InputError{"base.safetensors: broken"}; });
    FAIL() << "nothing was thrown";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    EXPECT_STREQ(error.what(), "base.safetensors: broken");
  }
}

TEST(Communicator, ErrorOfTheLastRankAloneIsEveryones) {
  const int last = world().size() - 1;
  try {
    world().agree([&] {
      if (world().rank() == last) throw IoError{"rank " + std::to_string(last)};
    });
    FAIL() << "nothing was thrown";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::failure);
    EXPECT_EQ(error.what(), "rank " + std::to_string(last));
  }
}

TEST(Communicator, LowestOfSeveralErrorsIsReported) {
  try {
    world().agree([&] { throw UsageError{"rank " + std::to_string(world().rank())}; });
    FAIL() << "nothing was thrown";
  } catch (const AgreedError& error) { EXPECT_STREQ(error.what(), "rank 0"); }
}

TEST(Communicator, GathersVectorsOfUnequalLengths) {
  const auto rank = world().rank();
  const std::vector<int> mine(static_cast<std::size_t>(rank), rank);  // rank 0 has none
  std::vector<int> expected;
  for (int r = 0; r < world().size(); ++r) expected.insert(expected.end(), static_cast<std::size_t>(r), r);
  EXPECT_EQ(world().all_gather(mine), expected);
}

TEST(Communicator, ReducesAtOnceAndInTheBackground) {
  const auto n = world().size();
  EXPECT_EQ(world().all_reduce(world().rank() + 1, Reduce::sum), n * (n + 1) / 2);
  const std::vector<std::int64_t> mine{world().rank(), -world().rank()};
  std::vector<std::int64_t> all(2);
  auto request = world().begin_all_reduce(mine, all, Reduce::max);
  request.wait();
  EXPECT_EQ(all, (std::vector<std::int64_t>{n - 1, 0}));
}

TEST(Communicator, SumsOfMostlyZerosAreThoseOfAReduction) {
  const auto rank = static_cast<std::int64_t>(world().rank());
  for (const std::size_t size : {0, 1, 40, 5000}) {
    for (const std::size_t step : {1, 7, 1000}) {
      std::vector<std::int64_t> dense(size);
      for (auto i = static_cast<std::size_t>(rank); i < size; i += step) dense[i] = static_cast<std::int64_t>(i) - 20 * rank;
      auto sparse = dense;
      world().all_reduce(dense, Reduce::sum);
      world().sum_sparse(sparse);
      EXPECT_EQ(sparse, dense) << size << " " << step;
    }
  }
}

TEST(Communicator, PartsAreConsecutiveAndEven) {
  for (const std::uint64_t count : {0, 1, 4, 23}) {
    const auto mine = world().part_of(count);
    std::uint64_t next = 0;
    for (const auto& part : world().all_gather(mine)) {
      EXPECT_EQ(part.first, next);
      EXPECT_LE(part.last - part.first, count / static_cast<std::uint64_t>(world().size()) + 1);
      next = part.last;
    }
    EXPECT_EQ(next, count);
  }
}

TEST(Communicator, MessagesArriveInOrderAndTellTheirLength) {
  const int next = (world().rank() + 1) % world().size();
  const int previous = (world().rank() + world().size() - 1) % world().size();
  const std::vector<std::byte> first(1000, std::byte{1});
  const std::vector<std::byte> none;
  std::vector<std::byte> space(4096);
  std::vector<std::byte> more(4096);
  auto receive_first = world().begin_receive(space, previous, 7);
  auto receive_none = world().begin_receive(more, previous, 7);
  auto send_first = world().begin_send(first, next, 7);
  auto send_none = world().begin_send(none, next, 7);
  EXPECT_EQ(receive_first.wait(), 1000U);
  EXPECT_EQ(receive_none.wait(), 0U);
  EXPECT_EQ(space[999], std::byte{1});
  send_first.wait();
  send_none.wait();
}

TEST(Communicator, SplitsByColorAndByNode) {
  const auto parity = world().split(world().rank() % 2);
  EXPECT_EQ(parity.rank(), world().rank() / 2);
  EXPECT_EQ(world().split_by_node().size(), world().size());  // the tests run on one machine
}

}  // namespace
}  // namespace dare::comm
