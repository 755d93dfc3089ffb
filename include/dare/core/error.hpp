#pragma once
/// Errors of the whole project: each kind carries the exit code that a program ends with.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace dare {

/// Exit codes of all programs.
enum class ExitCode : int {
  done = 0,
  failure = 1,       ///< runtime failure: I/O, no space, a lost rank
  usage = 2,         ///< command line or recipe
  input = 3,         ///< bad input, or OUTPUT exists
  mismatch = 4,      ///< verification found a difference
  interrupted = 75,  ///< stopped by a signal
};

/// Base of all errors that a user can cause or meet. The text says where, what was found beside what was expected, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& text) : std::runtime_error{text}, code_{code} {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// The command line or the recipe is wrong.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& text) : Error{ExitCode::usage, text} {}
};

/// An input breaks a rule of its format, or inputs do not fit each other.
class InputError : public Error {
 public:
  explicit InputError(const std::string& text) : Error{ExitCode::input, text} {}
};

/// Reading, writing or renaming failed although the inputs were found good.
class IoError : public Error {
 public:
  explicit IoError(const std::string& text) : Error{ExitCode::failure, text} {}
};

/// A signal asked the program to stop.
class Interrupted : public Error {
 public:
  explicit Interrupted(const std::string& text) : Error{ExitCode::interrupted, text} {}
};

/// Several problems of one check; its text lists them.
class ErrorList : public Error {
 public:
  ErrorList(ExitCode code, const std::vector<std::string>& texts);
  [[nodiscard]] const std::vector<std::string>& texts() const noexcept { return texts_; }

 private:
  std::vector<std::string> texts_;
};

/// Collects every problem of a check, or of several checks of which none needs another's result, so that a user sees them all at once.
class Problems {
 public:
  void usage(std::string text) { add(ExitCode::usage, std::move(text)); }
  void input(std::string text) { add(ExitCode::input, std::move(text)); }
  /// Of an ErrorList each problem counts by itself.
  void add(const Error& error);
  void add(const Problems& others);
  /// Adds what `check` throws, if it throws an Error. @return whether it did not
  template <class Check>
  bool attempt(Check&& check) {
    try {
      check();
      return true;
    } catch (const Error& error) {
      add(error);
      return false;
    }
  }
  /// Puts what can be done about all of them behind the last one, if there is any.
  void advise(std::string_view text) {
    if (!texts_.empty()) texts_.back() += text;
  }
  [[nodiscard]] bool empty() const noexcept { return texts_.empty(); }
  [[nodiscard]] const std::vector<std::string>& texts() const noexcept { return texts_; }
  /// Throws one Error that lists all problems, if there are any; a usage problem decides the exit code before an input problem, whichever
  /// was found first.
  void throw_if_any() const;

 private:
  void add(ExitCode code, std::string text);

  std::vector<std::string> texts_;
  ExitCode code_ = ExitCode::input;
};

}  // namespace dare
