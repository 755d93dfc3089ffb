#pragma once
/// The answer in a model's solution of a word problem, in a form in which equal answers are equal texts.

#include <optional>
#include <string>
#include <string_view>

namespace dare::metrics {

/// GSM8K: the number after the first "####" that has one; else the last number of the text; nothing where there is none.
/// A number may have a sign, a currency sign, thousands commas ("1,234", not "1,2"), decimals; a unit or a percent sign may follow.
/// Digits that a letter or '^' precedes (m2, m^2) are part of a unit. "-" after a digit, a letter or ')' is a subtraction.
/// @return the canonical decimal: "$1,234.50" is "1234.5", "-0" is "0".
[[nodiscard]] std::optional<std::string> gsm8k_answer(std::string_view text);

/// What is inside the last \boxed{...} or \fbox{...}, braces counted, or after the last "\boxed " up to '$'; nothing where there is none
/// or its brace is not closed.
[[nodiscard]] std::optional<std::string> last_boxed(std::string_view text);

/// MATH: the last boxed answer; else what follows the last "answer is" up to ". I hope" (Minerva's prompt) or the line's end, of that
/// the first "$...$" where there is one, without "**"; else the whole text. In normal form.
[[nodiscard]] std::string math_answer(std::string_view text);

/// The normal form of a LaTeX answer: the normalisations of the MATH paper (Hendrycks et al., 2021: spaces, units, degrees, \left and
/// \right, dollars, percent, \dfrac, \frac12, \sqrt3, a/b, "k = ") and of Minerva (thousands commas, \text{}), numbers in canonical form.
/// Texts that the MATH paper's rule calls equal have equal normal forms, save where that rule drops "\text{ or 3}" as a unit.
[[nodiscard]] std::string math_normal_form(std::string_view answer);

/// Free text: spaces at both ends removed, runs of white space one space.
[[nodiscard]] std::string plain_answer(std::string_view text);

}  // namespace dare::metrics
