#pragma once
/// What PyTorch puts into the pickle of a state dict: storages and the tensors that view them.

#include "checkpoint/pickle_machine.hpp"

#include <dare/core/dtype.hpp>
#include <dare/core/shape.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace dare::checkpoint::pytorch {

/// A run of elements of one type that the file holds in one piece.
struct Storage {
  std::string key;             ///< the file's name for it
  std::optional<Dtype> dtype;  ///< nothing: plain bytes, whose type the tensor knows
  std::uint64_t count = 0;     ///< elements, or bytes where there is no type

  [[nodiscard]] std::optional<std::uint64_t> bytes() const noexcept { return bytes_for(dtype.value_or(Dtype::u8), count); }
};

/// A view of a storage.
struct StoredTensor {
  std::uint32_t storage = 0;  ///< position in Objects::storages()
  Dtype dtype = Dtype::f32;
  std::uint64_t offset = 0;  ///< of its first element, in elements
  Shape shape;
  Shape strides;  ///< in elements, one an extent
};

/// The globals and calls of state dicts: OrderedDict, torch.Size, torch.device, storage classes, dtypes, and the functions that make a
/// tensor of a storage. All else is refused.
class Objects : public pickle::Vocabulary {
 public:
  [[nodiscard]] std::optional<std::uint32_t> global(const std::string& name) const override;
  [[nodiscard]] pickle::Id call(pickle::Heap& heap, pickle::Id callable, pickle::Id arguments) override;
  [[nodiscard]] pickle::Id persistent(pickle::Heap& heap, pickle::Id id) override;
  void build(const pickle::Heap& heap, pickle::Id object, pickle::Id state) const override;

  [[nodiscard]] std::span<const Storage> storages() const noexcept { return storages_; }
  /// The tensor that the value is, or nullptr.
  [[nodiscard]] const StoredTensor* tensor(const pickle::Heap& heap, pickle::Id id) const;

 private:
  [[nodiscard]] pickle::Id rebuild(pickle::Heap& heap, std::string_view function, std::span<const pickle::Id> arguments);

  std::vector<Storage> storages_;
  std::unordered_map<std::string, std::uint32_t> storage_of_key_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace dare::checkpoint::pytorch
