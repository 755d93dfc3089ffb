#pragma once
/// Sentences in lines, for people.

#include <cstddef>
#include <string>

namespace dare {

inline constexpr std::size_t k_usual_columns = 80;  ///< of a terminal

/// Words in lines of at most `columns`; longer words stay whole. Every line begins with `indent` spaces, the first has `begun` columns
/// already. Pure.
[[nodiscard]] std::string filled(const std::string& text, std::size_t indent, std::size_t begun = 0, std::size_t columns = k_usual_columns);

}  // namespace dare
