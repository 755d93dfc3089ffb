#pragma once
/// The long part of --help.

namespace dare::score {

extern const char* const k_details;

}  // namespace dare::score
