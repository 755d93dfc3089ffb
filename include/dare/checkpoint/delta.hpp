#pragma once
/// Delta checkpoints: of a fine-tuned model only the elements that DARE keeps, and no indices, for the mask is a function of seed, stream,
/// name and place. A model dropped at 0.9 takes a tenth of its size.
///
/// A delta checkpoint is a checkpoint of any format. Its float tensors are packed: one extent, the kept elements in order, as the model
/// stores them; the deltas are these less the base's. Other tensors are whole. One tensor more, k_kept_before, has for every 65,536
/// elements of every packed tensor how many were kept before them, so that any run is found; and the metadata's text k_delta_key says the
/// rest.

#include <dare/checkpoint/header.hpp>
#include <dare/core/shape.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dare::checkpoint {

inline constexpr auto k_delta_key = "dare_delta";
inline constexpr auto k_kept_before = "dare_delta.kept_before";
inline constexpr std::uint64_t k_kept_run = 65536;  ///< elements that an entry of k_kept_before stands for

/// Entries of k_kept_before for a packed tensor.
[[nodiscard]] constexpr std::uint64_t kept_runs(std::uint64_t elements) noexcept {
  return elements / k_kept_run + (elements % k_kept_run != 0 ? 1 : 0);
}

/// What a delta checkpoint, or a LoRA adapter, says it was made of: paths as given to its maker, for people. Empty where it does not say.
struct DeltaOrigin {
  std::string base;
  std::string model;
  template <class A>
  void archive(A& a) {
    a(base, model);
  }
};

/// What a delta checkpoint says of itself.
struct DeltaText {
  DeltaMask mask;
  DeltaOrigin origin;
  struct Tensor {
    std::string name;  ///< the base's
    Shape shape;       ///< before packing
    bool packed = false;
  };
  std::vector<Tensor> tensors;  ///< in file order
};

/// The value of metadata's k_delta_key. Pure.
[[nodiscard]] std::string to_json(const DeltaText& text);

/// Whether the header is that of a delta checkpoint. Pure.
[[nodiscard]] bool is_delta(const Header& header);

/// Empty texts where `stored`, a delta checkpoint's header as read_header gave it, says nothing of that. Pure.
[[nodiscard]] DeltaOrigin delta_origin(const Header& stored);

/// The header of the model that `stored`, a delta checkpoint's header as read_header gave it, stands for: tensors in their own shapes,
/// which open() reads with 0 for what was dropped. Pure.
/// @throws InputError  what it says of itself and what it holds differ.
[[nodiscard]] Header unpacked(Header stored);

}  // namespace dare::checkpoint
