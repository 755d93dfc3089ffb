#pragma once
/// The lines of a config.json that depend on the weights.

#include <dare/core/dtype.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace dare::checkpoint {

/// `config` with the values of its `torch_dtype` and `dtype` replaced by `dtype`'s torch name, every other byte as it was; unchanged where
/// it has neither, is no JSON, or torch has no such type. Pure.
[[nodiscard]] std::string with_torch_dtype(std::string_view config, Dtype dtype);

/// `config` with each `vocab_size` that `rows` has a key for replaced by that key's value, every other byte as it was. Pure.
[[nodiscard]] std::string with_vocab_size(std::string_view config, const std::map<std::uint64_t, std::uint64_t>& rows);

}  // namespace dare::checkpoint
