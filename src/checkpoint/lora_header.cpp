#include "checkpoint/backends.hpp"
#include "checkpoint/file_names.hpp"
#include "checkpoint/lora_config.hpp"
#include "checkpoint/lora_factors.hpp"
#include "checkpoint/stand_in.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>
#include <dare/core/tensor_size.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

namespace dare::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t k_longest_config = 16'000'000;
constexpr std::string_view k_prefix = "base_model.model.";
constexpr std::string_view k_base_layer = ".base_layer";

enum class Part { a, b, embedding_a, embedding_b, whole };

// A name in the file: which part it is of which of the base's tensors.
struct Role {
  Part part = Part::whole;
  std::string target;
  bool of_base_layer = false;
};

// base_model.model.X.lora_A.weight, ...lora_embedding_A, ...X.base_layer.weight, or ...X.weight for what was saved whole.
std::optional<Role> role_of(std::string_view name) {
  if (!name.starts_with(k_prefix)) return std::nullopt;
  name.remove_prefix(k_prefix.size());
  static const std::pair<std::string_view, Part> k_endings[]{{".lora_A.weight", Part::a},
                                                             {".lora_B.weight", Part::b},
                                                             {".lora_embedding_A", Part::embedding_a},
                                                             {".lora_embedding_B", Part::embedding_b}};
  for (const auto& [ending, part] : k_endings) {
    if (name.ends_with(ending)) return Role{part, std::string{name.substr(0, name.size() - ending.size())} + ".weight", false};
  }
  for (const auto* strange : {".lora_", ".modules_to_save.", ".token_adapter."}) {
    if (name.find(strange) != std::string_view::npos) return std::nullopt;
  }
  Role role{Part::whole, std::string{name}, false};
  if (const auto at = role.target.rfind(k_base_layer);
      at != std::string::npos && role.target.find('.', at + 1) == at + k_base_layer.size()) {
    role.target.erase(at, k_base_layer.size());
    role.of_base_layer = true;
  }
  return role;
}

// What the file has for one of the base's tensors.
struct Parts {
  const TensorInfo* a = nullptr;
  const TensorInfo* b = nullptr;
  const TensorInfo* whole = nullptr;
  bool embedding = false;
  bool whole_is_base_layer = false;
};

class Assembler {
 public:
  Assembler(const fs::path& file, const lora::Config& config) : file_{file}, config_{config} {}

  void assemble(Header& header, const std::vector<TensorInfo>& stored) const {
    std::vector<std::string> order;
    std::unordered_map<std::string, Parts> all;
    for (const auto& tensor : stored) {
      const auto role = role_of(tensor.name);
      if (!role)
        refuse(tensor.name, "is no part of a plain LoRA adapter; merge it into its base with PEFT, and give the result as the model");
      const auto [place, is_new] = all.try_emplace(role->target);
      if (is_new) order.push_back(role->target);
      add(place->second, *role, tensor);
    }
    for (const auto& target : order) header.tensors.push_back(make(header, target, all.at(target)));
  }

 private:
  [[noreturn]] void refuse(const std::string& tensor, const std::string& what) const {
    throw InputError{fmt::format("{}: tensor \"{}\": {}", file_.string(), tensor, what)};
  }

  void add(Parts& parts, const Role& role, const TensorInfo& tensor) const {
    const bool embedding = role.part == Part::embedding_a || role.part == Part::embedding_b;
    auto& slot = role.part == Part::whole ? parts.whole : role.part == Part::a || role.part == Part::embedding_a ? parts.a : parts.b;
    if (slot != nullptr) refuse(tensor.name, fmt::format("\"{}\" is a part of the same tensor; fetch the file again", slot->name));
    slot = &tensor;
    if (role.part == Part::whole) parts.whole_is_base_layer = role.of_base_layer;
    else parts.embedding = embedding;
  }

  TensorInfo make(Header& header, const std::string& target, const Parts& parts) const {
    if (parts.a == nullptr && parts.b == nullptr) {
      auto whole = *parts.whole;
      whole.name = target;
      return whole;
    }
    if (parts.a == nullptr || parts.b == nullptr) {
      const auto& there = *(parts.a == nullptr ? parts.b : parts.a);
      refuse(there.name, fmt::format("the other factor, lora_{}, is not in the file; fetch it again", parts.a == nullptr ? "A" : "B"));
    }
    if (parts.whole != nullptr && !parts.whole_is_base_layer) {
      refuse(parts.whole->name, "has factors too; which of the two is meant is not said");
    }
    return product(header, target, parts);
  }

  TensorInfo product(Header& header, const std::string& target, const Parts& parts) const {
    const auto module = target.substr(0, target.size() - std::string_view{".weight"}.size());
    LowRank factors;
    factors.a = *parts.a;
    factors.b = *parts.b;
    check_factors(factors, module);
    factors.scale = config_.scale_of(module);
    factors.transposed = factors.a.shape.size() == 2 && (parts.embedding || config_.fan_in_fan_out);
    TensorInfo tensor;
    tensor.name = target;
    tensor.dtype = info(factors.a.dtype).bits >= info(factors.b.dtype).bits ? factors.a.dtype : factors.b.dtype;
    tensor.shape = factors.a.shape;
    tensor.shape[0] = factors.b.shape[0];
    if (factors.transposed) std::swap(tensor.shape[0], tensor.shape[1]);
    const auto size = sized(tensor.dtype, tensor.shape, [&](const std::string& what) { refuse(factors.a.name, "the product of " + what); });
    tensor.elements = size.elements;
    tensor.bytes = size.bytes;
    if (parts.whole != nullptr) {
      if (parts.whole->shape != tensor.shape) {
        refuse(parts.whole->name,
               fmt::format("is {}, the product of the factors {}", to_string(parts.whole->shape), to_string(tensor.shape)));
      }
      factors.has_base = true;
      factors.base = *parts.whole;
      check_type(factors.base);
    }
    tensor.low_rank = static_cast<std::int32_t>(header.low_rank.size());
    header.low_rank.push_back(std::move(factors));
    return tensor;
  }

  void check_type(const TensorInfo& tensor) const {
    if (lora::can_widen(tensor.dtype)) return;
    refuse(tensor.name, fmt::format("is {}; F64, F32, F16 and BF16 are read", name(tensor.dtype)));
  }

  // A is [rank, in], for a convolution [rank, in, height, width]; B is [out, rank], with extents of 1 behind.
  void check_factors(LowRank& factors, const std::string& module) const {
    const auto& [a, b] = std::tie(factors.a, factors.b);
    check_type(a);
    check_type(b);
    factors.rank = config_.rank_of(module);
    if (a.shape.size() < 2 || a.shape[0] != factors.rank) {
      refuse(a.name, fmt::format("is {}, the configuration says a rank of {}: its first extent; fetch the adapter again",
                                 to_string(a.shape), factors.rank));
    }
    const bool tail_of_ones = b.shape.size() >= 2 && std::all_of(b.shape.begin() + 2, b.shape.end(), [](auto e) { return e == 1; });
    if (b.shape.size() != a.shape.size() || !tail_of_ones || b.shape[1] != factors.rank) {
      refuse(b.name, fmt::format("is {}, the factor beside it {}: {} columns are expected; fetch the adapter again", to_string(b.shape),
                                 to_string(a.shape), factors.rank));
    }
  }

  const fs::path& file_;
  const lora::Config& config_;
};

Hash128 hash_of(const Hash128& weights, std::string_view config) {
  Hasher128 hasher;
  hasher.update(weights);
  hasher.update(std::as_bytes(std::span{config}));
  return hasher.digest();
}

}  // namespace

bool is_lora_adapter(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / k_adapter_config_file, ignored);
}

Header read_lora_header(const fs::path& folder) {
  try {
    folder::check_is_own_file(folder, k_adapter_config_file);
    refuse_stand_in(folder / k_adapter_config_file);
    const auto consulted = state_of(File::open_read(folder / k_adapter_config_file), std::string{k_adapter_config_file});
    const auto text = read_text(folder / k_adapter_config_file, k_longest_config);
    const auto config = lora::parse_config(folder / k_adapter_config_file, text);
    auto weights = safetensors::form();
    weights.single = k_adapter_safetensors_file;
    weights.index.clear();
    auto pickled = pytorch::form();
    pickled.single = k_adapter_pytorch_file;
    pickled.index.clear();
    auto header = folder::read_header(folder, {weights, pickled}, "a PEFT adapter's folder");
    const auto stored = std::move(header.tensors);
    header.tensors.clear();
    header.metadata.clear();
    header.side_files.clear();
    header.notes.clear();
    header.consulted.push_back(consulted);
    Assembler{header.files[0].path, config}.assemble(header, stored);
    header.files[0].header_hash = hash_of(header.files[0].header_hash, text);
    return header;
  } catch (const IoError& io) {
    throw InputError{io.what()};  // nothing has begun: what cannot be read is bad input
  } catch (const fs::filesystem_error& failure) {
    throw InputError{fmt::format("{}: cannot be read: {}", folder.string(), failure.code().message())};
  }
}

}  // namespace dare::checkpoint
