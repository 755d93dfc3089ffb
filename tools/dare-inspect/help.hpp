#pragma once

#include "app/program.hpp"

/// What dare-inspect's manual says beside its options.
std::string description();
std::vector<dare::app::Section> sections();
