#pragma once
/// Figures as text, for people.

#include <string>

namespace dare::compare {

/// "12.3 %": three digits.
[[nodiscard]] std::string percent(double share);
/// Three significant digits: "0.00172", "1.2e-05".
[[nodiscard]] std::string figure(double value);

}  // namespace dare::compare
