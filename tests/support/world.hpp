#pragma once
/// What tests under mpirun share.

#include <dare/comm/communicator.hpp>

namespace dare::test {

/// All ranks of this test run.
[[nodiscard]] const comm::Communicator& world();

}  // namespace dare::test
