#pragma once
/// Names that models have on the Hub, given where a path is expected: nothing is fetched here.

#include <filesystem>
#include <string>
#include <string_view>

namespace dare::checkpoint {

/// Whether `text` has the form "organisation/model" of names on the Hub, and not that of a file of weights. Pure.
[[nodiscard]] bool is_hub_name(std::string_view text);

/// How to get the model of that name; begins with ";". Pure. @param path  where it was looked for.
[[nodiscard]] std::string hub_advice(std::string_view name, const std::filesystem::path& path);

}  // namespace dare::checkpoint
