#pragma once
/// What stands beside an input's weights: the frame's goes into the output.

#include <dare/checkpoint/header.hpp>
#include <dare/pipeline/sources.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dare::pipeline {

using LongerRows = std::map<std::uint64_t, std::uint64_t>;  ///< longer_rows()

/// A line for each model that has a tokenizer's file or a configuration that the frame, whose files the output gets, has otherwise or not
/// at all. Of JSON objects that are no more than settings the keys that differ are named; where and by what a model was saved makes no
/// difference, nor a vocab_size that the output's configuration gets anyway. Reads these files. Local: rank 0 calls it.
/// @throws InputError  one cannot be read.
[[nodiscard]] std::vector<std::string> side_file_notes(const Sources& sources, const LongerRows& rows);

}  // namespace dare::pipeline
