/// Makes a homologous family for benchmarks: a base and K fine-tuned models in bfloat16, a Llama with tied embeddings, any size.
/// usage: bench-family FOLDER GIGABYTES_A_MODEL MODELS

#include <dare/checkpoint/output.hpp>

#include <fmt/format.h>

#include <bit>
#include <cstdlib>
#include <vector>

namespace {

namespace checkpoint = dare::checkpoint;

// A cheap generator: the values need only be plausible weights, different in each model.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_{seed * 0x9E3779B97F4A7C15U + 1} {}
  float operator()() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return static_cast<float>(static_cast<std::int32_t>(state_ >> 32U)) * 0x1p-31F;
  }

 private:
  std::uint64_t state_;
};

std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

std::vector<checkpoint::OutputTensor> tensors(double gigabytes) {
  constexpr std::uint64_t width = 2048;
  std::vector<checkpoint::OutputTensor> all{{"model.embed_tokens.weight", dare::Dtype::bf16, {32000, width}}};
  auto left = static_cast<std::int64_t>(gigabytes * 1e9) - std::int64_t{32000 * width * 2};
  for (int layer = 0; left > 0; ++layer) {
    for (const auto* part : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      all.push_back({fmt::format("model.layers.{}.self_attn.{}.weight", layer, part), dare::Dtype::bf16, {width, width}});
      left -= std::int64_t{width * width * 2};
    }
    for (const auto* part : {"gate_proj", "up_proj", "down_proj"}) {
      all.push_back({fmt::format("model.layers.{}.mlp.{}.weight", layer, part), dare::Dtype::bf16, {5632, width}});
      left -= std::int64_t{5632 * width * 2};
    }
    for (const auto* part : {"input_layernorm", "post_attention_layernorm"})
      all.push_back({fmt::format("model.layers.{}.{}.weight", layer, part), dare::Dtype::bf16, {width}});
  }
  all.push_back({"model.norm.weight", dare::Dtype::bf16, {width}});
  return all;
}

void write_model(const std::filesystem::path& path, const std::vector<checkpoint::OutputTensor>& all, int number) {
  checkpoint::OutputSpec spec;
  spec.tensors = all;
  const auto layout = checkpoint::create_output(path, checkpoint::OutputKind::safetensors_file, spec);
  checkpoint::OutputWriter writer{path, layout};
  Noise base{1};
  Noise delta{static_cast<std::uint64_t>(number) + 2};
  std::vector<std::uint16_t> strip(1U << 20U);
  for (std::size_t t = 0; t < all.size(); ++t) {
    const auto elements = *dare::checked_elements(all[t].shape);
    for (std::uint64_t first = 0; first < elements; first += strip.size()) {
      const auto n = std::min<std::uint64_t>(strip.size(), elements - first);
      for (std::size_t i = 0; i < n; ++i) {
        const auto weight = base() * 0.05F;
        strip[i] = to_bf16(number == 0 ? weight : weight + delta() * 0.003F);
      }
      writer.write(t, first * 2, std::as_bytes(std::span{strip}.first(n)));
    }
  }
  writer.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: {} FOLDER GIGABYTES_A_MODEL MODELS\n", argv[0]);
    return 2;
  }
  const std::filesystem::path folder{argv[1]};
  const auto all = tensors(std::atof(argv[2]));
  const int models = std::atoi(argv[3]);
  std::filesystem::create_directories(folder);
  for (int number = 0; number <= models; ++number) {
    write_model(folder / (number == 0 ? "base.safetensors" : fmt::format("m{}.safetensors", number)), all, number);
  }
  return 0;
}
