#pragma once

#include <string>

/// What the figures of a report mean, where its limits come from, examples, exit codes.
[[nodiscard]] std::string details();
