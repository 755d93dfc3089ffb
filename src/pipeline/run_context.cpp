#include "pipeline/run_context.hpp"

#include <dare/comm/environment.hpp>

#include <fmt/format.h>

namespace dare::pipeline {

void RunContext::tell(const std::string& stage) const {
  if (!tells()) return;
  comm::print_message(options.program, fmt::format("{:.3f} s: {}", elapsed_s(), stage));
}

}  // namespace dare::pipeline
