#pragma once
/// The one line of a config.json that depends on the weights.

#include <dare/core/dtype.hpp>

#include <string>
#include <string_view>

namespace dare::checkpoint {

/// `config` with the values of its `torch_dtype` and `dtype` replaced by `dtype`'s torch name, every other byte as it was; unchanged where
/// it has neither, is no JSON, or torch has no such type. Pure.
[[nodiscard]] std::string with_torch_dtype(std::string_view config, Dtype dtype);

}  // namespace dare::checkpoint
