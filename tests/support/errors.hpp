#pragma once
/// What a piece of work throws, as text.

#include <dare/core/error.hpp>

#include <string>

namespace dare::test {

/// The text of the Thrown that `work` throws; empty where it throws nothing. Another exception passes.
template <class Thrown, class Work>
std::string error_text(Work&& work) {
  try {
    static_cast<void>(work());
  } catch (const Thrown& error) { return error.what(); }
  return "";
}

/// "exit code: text" of the Error that `work` throws; empty where it throws nothing.
template <class Work>
std::string error_of(Work&& work) {
  try {
    static_cast<void>(work());
  } catch (const Error& error) { return std::to_string(static_cast<int>(error.code())) + ": " + error.what(); }
  return "";
}

}  // namespace dare::test
