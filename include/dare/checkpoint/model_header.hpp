#pragma once
/// What stands for a model, whichever form it has.

#include <dare/checkpoint/header.hpp>

#include <filesystem>

namespace dare::checkpoint {

/// The header of the model at `path` as a merge reads it: of a LoRA adapter that of read_lora_header(), of a delta checkpoint that of
/// unpacked(), else that of read_header(). Local.
/// @throws InputError  as these do.
[[nodiscard]] Header read_model_header(const std::filesystem::path& path);

}  // namespace dare::checkpoint
