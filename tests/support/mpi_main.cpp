/// main() of all tests that run under mpirun: one report, by the lowest rank that failed, and one exit code.

#include "support/world.hpp"

#include <dare/comm/environment.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

const dare::comm::Communicator* g_world = nullptr;

// Ranks other than 0 say only what failed.
class FailuresOnly : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& part) override {
    if (!part.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d\n%s\n", g_world->rank(), part.file_name() == nullptr ? "?" : part.file_name(), part.line_number(),
                 part.summary());
  }
};

}  // namespace

namespace dare::test {
const comm::Communicator& world() {
  return *g_world;
}
}  // namespace dare::test

int main(int argc, char** argv) {
  dare::comm::Environment mpi{argc, argv, "test"};
  g_world = &mpi.world();
  testing::InitGoogleMock(&argc, argv);
  if (g_world->rank() != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailuresOnly);
  }
  return mpi.run(
      [](const dare::comm::Communicator& world) { return static_cast<int>(world.all_reduce(RUN_ALL_TESTS(), dare::comm::Reduce::max)); });
}
