#pragma once
/// The record that says how an output came about and what its bytes are.

#include "pipeline/work.hpp"

#include <dare/core/hash.hpp>
#include <dare/plan/grid.hpp>

#include <filesystem>

namespace dare::pipeline {

/// Writes it, forced to the disk. Equal merges have equal manifests. Local.
/// @param hashes  of all blocks of `grid`, in order.
void write_manifest(const std::filesystem::path& file, const Work& work, const plan::Grid& grid, const std::vector<Hash128>& hashes);

}  // namespace dare::pipeline
