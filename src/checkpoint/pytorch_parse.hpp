#pragma once
/// The header of one PyTorch file: where the tensors of its state dict lie.

#include "checkpoint/file_header.hpp"
#include "checkpoint/pytorch_objects.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <functional>

namespace dare::checkpoint::pytorch {

/// Bytes of a file that a storage fills.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// The pickle of a file, read, and the way from a storage to its bytes.
struct Contents {
  pickle::Heap heap;
  Objects objects;
  pickle::Id root = 0;
  std::function<Extent(const Storage&)> find;  ///< @throws InputError  the file has no such storage
  Hash128 hash{};                              ///< of all but the weights, and of what the format records of them
};

/// A file that is refused, and why.
[[nodiscard]] InputError refusal(const File& file, const std::string& what);

/// Zip archive, as torch.save writes since 1.6: data.pkl and one stored entry a storage. @throws InputError
void read_zip(const File& file, Contents& contents);
/// The format before 1.6: five pickles, then the storages one behind the other. @throws InputError
void read_legacy(const File& file, Contents& contents);

/// Reads a pickle; a refusal becomes an InputError that begins with the file and `part`.
[[nodiscard]] pickle::Id run_pickle(const File& file, std::string_view part, pickle::Input& input, Contents& contents);

/// @throws InputError  naming the file, the tensor, what was found and what was expected.
[[nodiscard]] FileHeader parse_file(const std::filesystem::path& path, std::string name);

}  // namespace dare::checkpoint::pytorch
