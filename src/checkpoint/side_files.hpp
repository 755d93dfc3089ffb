#pragma once
/// Which files beside the weights belong to a model, in a folder and in an .h5 file alike.

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace dare::checkpoint {

/// Bytes of one side file: what is larger in a folder is no part of the model.
constexpr std::uint64_t k_largest_side_file = 256'000'000;

/// True for a plain file name of no weights, no index of weights and no manifest; nothing hidden. Pure.
[[nodiscard]] bool is_side_file_name(std::string_view name);

/// Side files are held in memory when they are copied. @param bytes  of all of them.
/// @throws InputError  they are too many.
void require_side_total(const std::filesystem::path& checkpoint, std::uint64_t bytes);

}  // namespace dare::checkpoint
