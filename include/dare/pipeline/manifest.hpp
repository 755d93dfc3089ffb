#pragma once
/// The record that says how an output came about and what its bytes are.

#include <dare/core/hash.hpp>
#include <dare/merge/run.hpp>
#include <dare/pipeline/work.hpp>
#include <dare/plan/grid.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

namespace dare::pipeline {

/// All of a manifest but what tells of the output, as JSON: program, stream version, resolved recipe, inputs. Equal for two runs iff they
/// compute the same bytes, as far as the headers can tell.
[[nodiscard]] std::string manifest_head(const Work& work, const Product& product);

/// Writes it and starts it for the disk; whoever relies on it forces it there. Equal merges have equal manifests. Local.
/// @param output  where the output is: complete, and written by any number of ranks; its headers and side files are read and hashed.
/// @param hashes  of all blocks of `grid`, in order.
/// @param counts  over all of them; nonfinite elements are recorded where the recipe keeps such.
/// @throws InputError  the output cannot be read
void write_manifest(const std::filesystem::path& file, const std::filesystem::path& output, const Work& work, const Product& product,
                    const plan::Grid& grid, const std::vector<Hash128>& hashes, const merge::Counts& counts);

/// The text of the manifest in `file`. It may be anything: at most 1 GiB of it is read, what a merge of 30 trillion elements has. Local.
/// @throws IoError  it cannot be read, or is larger.
[[nodiscard]] std::string read_manifest_text(const std::filesystem::path& file);

/// The members of a manifest that manifest_head() has not.
inline constexpr std::array k_of_output{"nonfinite_elements", "parts", "elements_merged", "elements_swallowed", "bytes", "tensors"};

/// The members in which two JSON objects of equal form differ, as "path: a, was b" lines; empty for equal ones.
[[nodiscard]] std::string difference(const std::string& now, const std::string& before);

}  // namespace dare::pipeline
