#pragma once
/// Runs a check on every instruction set that this machine has and the kernels are compiled for.

#include "random/vector_targets.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdint>

namespace dare::test {

/// Calls `check` once a target; EXPECT_ messages within name it. The best target is chosen again afterwards.
template <class Check>
void on_each_target(const Check& check) {
  int ran = 0;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    check();
    ++ran;
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GE(ran, 1);
}

}  // namespace dare::test
