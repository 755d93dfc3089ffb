#include "checkpoint/pytorch_objects.hpp"

#include "core/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace dare::checkpoint::pytorch {
namespace {

using pickle::Heap;
using pickle::Id;
using pickle::Kind;
using pickle::Refusal;

enum class Role : std::uint8_t { ordered_dict, size, device, rebuild_tensor, rebuild_parameter, storage, untyped_storage, dtype };

struct Global {
  std::string name;
  Role role;
  std::optional<Dtype> dtype = {};
};

// The position in this list is the vocabulary's number of a global.
const std::vector<Global>& globals() {
  static const auto all = [] {
    std::vector<Global> list{
        {"collections.OrderedDict", Role::ordered_dict},
        {"torch.Size", Role::size},
        {"torch.device", Role::device},
        {"torch._utils._rebuild_tensor", Role::rebuild_tensor},
        {"torch._utils._rebuild_tensor_v2", Role::rebuild_tensor},
        {"torch._utils._rebuild_tensor_v3", Role::rebuild_tensor},
        {"torch._utils._rebuild_parameter", Role::rebuild_parameter},
        {"torch._utils._rebuild_parameter_with_state", Role::rebuild_parameter},
        {"torch.DoubleStorage", Role::storage, Dtype::f64},
        {"torch.FloatStorage", Role::storage, Dtype::f32},
        {"torch.HalfStorage", Role::storage, Dtype::f16},
        {"torch.BFloat16Storage", Role::storage, Dtype::bf16},
        {"torch.LongStorage", Role::storage, Dtype::i64},
        {"torch.IntStorage", Role::storage, Dtype::i32},
        {"torch.ShortStorage", Role::storage, Dtype::i16},
        {"torch.CharStorage", Role::storage, Dtype::i8},
        {"torch.ByteStorage", Role::storage, Dtype::u8},
        {"torch.BoolStorage", Role::storage, Dtype::boolean},
        {"torch.ComplexFloatStorage", Role::storage, Dtype::c64},
        {"torch.storage.UntypedStorage", Role::untyped_storage},
        {"torch.UntypedStorage", Role::untyped_storage},
    };
    for (const auto& row : dtypes()) {
      if (!row.torch_name.empty()) list.push_back({fmt::format("torch.{}", row.torch_name), Role::dtype, row.dtype});
    }
    return list;
  }();
  return all;
}

// What state dicts hold now and then that cannot be read, and what its owner can do.
constexpr std::array<std::array<std::string_view, 2>, 9> k_unreadable{{
    {"torch.ComplexDoubleStorage", "complex numbers of 128 bits; save the tensor as complex64, or without it"},
    {"torch._utils._rebuild_sparse_tensor", "a sparse tensor; save it after .to_dense()"},
    {"torch._utils._rebuild_nested_tensor", "a nested tensor; save it after .to_padded_tensor(0)"},
    {"torch._utils._rebuild_qtensor", "a quantised tensor; save it after .dequantize()"},
    {"torch._utils._rebuild_meta_tensor_no_storage",
     "a tensor on the device meta, which has no values; save the model once its weights are loaded"},
    {"torch._tensor._rebuild_from_type_v2", "a tensor of a class of its own; save it after .as_subclass(torch.Tensor)"},
    {"numpy.core.multiarray._reconstruct", "a numpy array; save it as a tensor, or without it"},
    {"numpy._core.multiarray._reconstruct", "a numpy array; save it as a tensor, or without it"},
    {"argparse.Namespace", "the settings of a training run; save the model's state_dict() alone"},
}};

enum Tag : std::uint32_t { k_storage_tag, k_tensor_tag };

[[noreturn]] void damaged(std::string_view function, const std::string& what) {
  throw Refusal{fmt::format("{}: {}; fetch the file again", function, what)};
}

bool is_object(const Heap& heap, Id id, Tag tag) {
  return heap.is(id, Kind::object) && heap[id].tag == tag;
}

std::uint64_t natural(const Heap& heap, std::string_view function, Id id, std::string_view what) {
  if (!heap.is(id, Kind::integer)) damaged(function, fmt::format("{} is {}, an integer is expected", what, heap.kind_name(id)));
  if (heap[id].integer < 0) damaged(function, fmt::format("{} is {}, a number from 0 up is expected", what, heap[id].integer));
  return static_cast<std::uint64_t>(heap[id].integer);
}

Shape naturals(const Heap& heap, std::string_view function, Id id, std::string_view what) {
  if (!heap.is(id, Kind::tuple)) damaged(function, fmt::format("{} is {}, a tuple is expected", what, heap.kind_name(id)));
  Shape numbers;
  for (const auto item : heap.items(id)) numbers.push_back(natural(heap, function, item, what));
  return numbers;
}

const Global* global_of(const Heap& heap, Id id) {
  return heap.is(id, Kind::global) ? &globals()[heap[id].tag] : nullptr;
}

// The 7th argument of the second form and the 8th of the third: marks of lazy conjugation or negation, which the bytes do not show.
void refuse_metadata(const Heap& heap, std::string_view function, Id id) {
  if (heap.is(id, Kind::none) || (heap.is(id, Kind::dict) && heap.items(id).empty())) return;
  throw Refusal{fmt::format("{}: a tensor with a conjugate or negative bit; save it after resolve_conj() and resolve_neg()", function)};
}

}  // namespace

std::optional<std::uint32_t> Objects::global(const std::string& name) const {
  const auto& all = globals();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Global& known) { return known.name == name; });
  if (found != all.end()) return static_cast<std::uint32_t>(found - all.begin());
  const auto* const unreadable = std::find_if(k_unreadable.begin(), k_unreadable.end(), [&](const auto& row) { return row[0] == name; });
  if (unreadable != k_unreadable.end()) throw Refusal{fmt::format("{}: {}", (*unreadable)[0], (*unreadable)[1])};
  return std::nullopt;
}

Id Objects::call(Heap& heap, Id callable, Id arguments) {
  const auto& function = globals()[heap[callable].tag];
  const auto given = heap.items(arguments);
  switch (function.role) {
    case Role::ordered_dict:
      if (!given.empty()) damaged(function.name, fmt::format("{} arguments, none is expected", given.size()));
      return heap.add_items(Kind::dict, {});
    case Role::size:
      if (given.size() != 1 || !heap.is(given[0], Kind::tuple)) damaged(function.name, "a tuple is expected");
      return given[0];
    case Role::device:
      return arguments;  // where a tensor was; nothing asks
    case Role::rebuild_tensor:
      return rebuild(heap, function.name, given);
    case Role::rebuild_parameter:
      if (given.size() < 3 || !is_object(heap, given[0], k_tensor_tag)) damaged(function.name, "a tensor and two more are expected");
      return given[0];
    default:
      throw Refusal{fmt::format("{}: a call of it; save the model's state_dict() with torch.save", function.name)};
  }
}

Id Objects::rebuild(Heap& heap, std::string_view function, std::span<const Id> arguments) {
  const bool typed = function.ends_with("_v3");  // ..., requires_grad, hooks, dtype[, metadata]
  const std::size_t least = typed ? 7 : function.ends_with("_v2") ? 6 : 4;
  if (arguments.size() < least) damaged(function, fmt::format("{} arguments, {} are expected", arguments.size(), least));
  if (!is_object(heap, arguments[0], k_storage_tag)) {
    damaged(function, fmt::format("{} in the place of a storage", heap.kind_name(arguments[0])));
  }
  if (least > 4 && arguments.size() > least) refuse_metadata(heap, function, arguments[least]);
  StoredTensor tensor;
  tensor.storage = static_cast<std::uint32_t>(heap[arguments[0]].integer);
  tensor.offset = natural(heap, function, arguments[1], "the offset");
  tensor.shape = naturals(heap, function, arguments[2], "an extent");
  tensor.strides = naturals(heap, function, arguments[3], "a stride");
  if (tensor.shape.size() != tensor.strides.size()) {
    damaged(function, fmt::format("{} extents and {} strides", tensor.shape.size(), tensor.strides.size()));
  }
  if (typed) {
    const auto* dtype = global_of(heap, arguments[6]);
    if (dtype == nullptr || dtype->role != Role::dtype)
      damaged(function, fmt::format("{} in the place of a dtype", heap.kind_name(arguments[6])));
    tensor.dtype = *dtype->dtype;
  } else {
    const auto& storage = storages_[tensor.storage];
    if (!storage.dtype) damaged(function, fmt::format("storage \"{}\" has no type", printable(storage.key)));
    tensor.dtype = *storage.dtype;
  }
  tensors_.push_back(std::move(tensor));
  return heap.add({Kind::object, k_tensor_tag, static_cast<std::int64_t>(tensors_.size() - 1)});
}

// ("storage", class, key, location, count), in the old format with a sixth: the part of a storage that is meant, or None.
Id Objects::persistent(Heap& heap, Id id) {
  constexpr std::string_view what = "persistent id";
  const auto parts = heap.is(id, Kind::tuple) ? heap.items(id) : std::span<const Id>{};
  if (parts.empty() || !heap.is(parts[0], Kind::text)) damaged(what, "no tuple that begins with a text");
  if (heap.text(parts[0]) != "storage") {
    throw Refusal{fmt::format("{}: a \"{}\", only storages are read; save the model's state_dict() with torch.save", what,
                              printable(heap.text(parts[0])))};
  }
  if (parts.size() < 5 || !heap.is(parts[2], Kind::text)) damaged(what, "not all of class, key, location and count");
  const auto* type = global_of(heap, parts[1]);
  if (type == nullptr || (type->role != Role::storage && type->role != Role::untyped_storage)) {
    damaged(what, fmt::format("{} in the place of a storage class", type == nullptr ? heap.kind_name(parts[1]) : type->name));
  }
  if (parts.size() > 5 && !heap.is(parts[5], Kind::none)) {
    throw Refusal{fmt::format("{}: a part of a storage, as PyTorch before 0.4 saved them; save it again with a later one", what)};
  }
  Storage storage{heap.text(parts[2]), type->dtype, natural(heap, what, parts[4], "the count")};
  const auto [known, is_new] = storage_of_key_.try_emplace(storage.key, static_cast<std::uint32_t>(storages_.size()));
  if (is_new) {
    storages_.push_back(std::move(storage));
  } else if (const auto& first = storages_[known->second]; first.dtype != storage.dtype || first.count != storage.count) {
    damaged(what, fmt::format("storage \"{}\" has {} elements here and had {}, or another type", printable(storage.key), storage.count,
                              first.count));
  }
  return heap.add({Kind::object, k_storage_tag, known->second});
}

void Objects::build(const Heap& heap, Id object, Id state) const {
  // A module's state dict is an OrderedDict with an attribute _metadata, which says nothing about the weights.
  if (heap.is(object, Kind::dict) && heap.is(state, Kind::dict)) return;
  throw Refusal{fmt::format("attributes ({}) for {}; no code of a pickle is run; save the model's state_dict() with torch.save",
                            heap.kind_name(state), heap.kind_name(object))};
}

const StoredTensor* Objects::tensor(const Heap& heap, Id id) const {
  return is_object(heap, id, k_tensor_tag) ? &tensors_[static_cast<std::size_t>(heap[id].integer)] : nullptr;
}

}  // namespace dare::checkpoint::pytorch
