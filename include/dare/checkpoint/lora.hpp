#pragma once
/// LoRA adapters (PEFT folders) as models: a model's change, computed from two small matrices, run by run.

#include <dare/checkpoint/reader.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace dare::checkpoint {

/// Whether `path` is a folder with an adapter_config.json.
[[nodiscard]] bool is_lora_adapter(const std::filesystem::path& path);

/// Reads and checks a PEFT folder: adapter_config.json beside adapter_model.safetensors or adapter_model.bin. The header's tensors have the
/// base's names. Those with low_rank >= 0 have the shape of the product and the wider of the two factors' types, and are read by a
/// LoraReader; the others (modules_to_save, biases) are whole tensors of the tuned model, which open() reads as those of any checkpoint.
/// files[0].header_hash covers the configuration too. Local.
/// @throws InputError  what is no plain LoRA (DoRA, PiSSA before conversion, ...), by name; a factor that is missing or does not fit.
[[nodiscard]] Header read_lora_header(const std::filesystem::path& folder);

/// Computes runs of low-rank tensors. Delivers delta_i = W(scale * sum_j B_ij A_jk), the sum in float64 from 0 with j ascending, whatever
/// the run: never more of the product than the run, and of the factors some 16 MiB. Local.
class LoraReader {
 public:
  /// A run of the base's tensor, as stored.
  struct BaseRun {
    Dtype dtype = Dtype::f32;
    std::span<const std::byte> bytes;
  };

  /// @param reader  open()ed from `header`; both must outlive it.
  LoraReader(const Header& header, CheckpointReader& reader);
  ~LoraReader();

  /// Fills `delta` with elements [first, first + delta.size()) of the change.
  /// @param tensor  one of the header's tensors with low_rank >= 0.
  /// @param base    the same elements of the base; where the adapter carries a copy of the base's tensor the two must be equal.
  /// @pre first + delta.size() <= tensor.elements
  /// @throws InputError  the adapter's copy differs from the base, naming the first such element; IoError
  void read_delta(const TensorInfo& tensor, std::uint64_t first, const BaseRun& base, std::span<float> delta);
  void read_delta(const TensorInfo& tensor, std::uint64_t first, const BaseRun& base, std::span<double> delta);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dare::checkpoint
