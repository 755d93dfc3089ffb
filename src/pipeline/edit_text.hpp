#pragma once
/// Side files that are changed on their way to the output.

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dare::pipeline {

/// The bytes of what `edit` makes of the text: std::string edit(std::string_view). Pure.
template <class Edit>
[[nodiscard]] std::vector<std::byte> edit_text(const std::vector<std::byte>& bytes, Edit&& edit) {
  const std::string text = std::forward<Edit>(edit)(std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::vector<std::byte> edited(text.size());
  if (!text.empty()) std::memcpy(edited.data(), text.data(), text.size());
  return edited;
}

}  // namespace dare::pipeline
