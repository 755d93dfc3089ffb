#include "checkpoint/backends.hpp"
#include "checkpoint/lora_config.hpp"
#include "checkpoint/lora_factors.hpp"
#include "checkpoint/lora_pattern.hpp"
#include "checkpoint/lora_product.hpp"
#include "checkpoint/open_files.hpp"
#include "merge/convert.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <dare/checkpoint/lora.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <hwy/targets.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>

namespace dare::checkpoint {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

fs::path data(const std::string& name) {
  return fs::path{DARE_TEST_DATA} / "lora" / name;
}

std::unique_ptr<CheckpointReader> open_local(const Header& header) {
  return header.format == Format::pytorch ? pytorch::open(header) : safetensors::open(header);
}

std::vector<std::byte> bytes_of(CheckpointReader& reader, const TensorInfo& tensor, std::uint64_t first, std::uint64_t n) {
  std::vector<std::byte> bytes(*bytes_for(tensor.dtype, n));
  reader.read(tensor, first, bytes);
  return bytes;
}

std::vector<double> values_of(CheckpointReader& reader, const TensorInfo& tensor) {
  std::vector<double> values(tensor.elements);
  merge::widen(tensor.dtype, bytes_of(reader, tensor, 0, tensor.elements), std::span{values});
  return values;
}

// The definition, written down: delta_ik = scale * sum_j B_ij A_jk.
std::vector<double> plain_product(CheckpointReader& reader, const LowRank& factors, const TensorInfo& tensor) {
  const auto a = values_of(reader, factors.a);
  const auto b = values_of(reader, factors.b);
  const auto out = factors.b.shape[0];
  const auto in = factors.a.elements / factors.rank;
  std::vector<double> delta(tensor.elements);
  for (std::uint64_t i = 0; i < out; ++i) {
    for (std::uint64_t k = 0; k < in; ++k) {
      double sum = 0;
      for (std::uint64_t j = 0; j < factors.rank; ++j) sum += b[i * factors.rank + j] * a[j * in + k];
      delta[factors.transposed ? k * out + i : i * in + k] = factors.scale * sum;
    }
  }
  return delta;
}

class Adapter {
 public:
  explicit Adapter(const fs::path& folder)
      : header{read_lora_header(folder)},
        base{read_header(folder / "base.safetensors")},
        reader{open_local(header)},
        base_reader{open_local(base)},
        lora{header, *reader} {}

  template <class W>
  std::vector<W> delta(const TensorInfo& tensor, std::uint64_t first, std::uint64_t n) {
    const auto* of_base = base.find(tensor.name);
    if (of_base == nullptr) throw std::runtime_error{"no base for " + tensor.name};
    const auto run = bytes_of(*base_reader, *of_base, first, n);
    std::vector<W> values(n);
    lora.read_delta(tensor, first, {of_base->dtype, run}, values);
    return values;
  }

  Header header;
  Header base;
  std::unique_ptr<CheckpointReader> reader;
  std::unique_ptr<CheckpointReader> base_reader;
  LoraReader lora;
};

const std::vector<std::string> k_cases{"linear",    "rslora",      "patterns", "conv1d", "convolution",
                                       "embedding", "saved_whole", "half",     "pickled"};

TEST(Lora, BaseAndDeltaAreWhatPeftMerges) {
  for (const auto& name : k_cases) {
    SCOPED_TRACE(name);
    Adapter adapter{data(name)};
    const auto merged = read_header(data(name) / "merged.safetensors");
    const auto merged_reader = open_local(merged);
    std::size_t changed = 0;
    std::size_t met = 0;
    for (const auto& base : adapter.base.tensors) {
      const auto* tensor = adapter.header.find(base.name);
      const auto want = values_of(*merged_reader, *merged.find(base.name));
      auto is = values_of(*adapter.base_reader, base);
      met += tensor == nullptr ? 0 : 1;
      if (tensor != nullptr && tensor->low_rank < 0) is = values_of(*adapter.reader, *tensor);
      if (tensor != nullptr && tensor->low_rank >= 0) {
        EXPECT_EQ(tensor->shape, base.shape) << base.name;
        const auto delta = adapter.delta<double>(*tensor, 0, tensor->elements);
        for (std::size_t i = 0; i < is.size(); ++i) is[i] += delta[i];
        ++changed;
      }
      const double unit = base.dtype == Dtype::bf16 ? 0x1p-8 : 0x1p-21;  // PEFT sums in float32, in another order
      for (std::size_t i = 0; i < is.size(); ++i) ASSERT_NEAR(is[i], want[i], unit * (std::abs(want[i]) + 1)) << base.name << " " << i;
    }
    EXPECT_EQ(met, adapter.header.tensors.size());
    EXPECT_GE(changed, 2U);
  }
}

TEST(Lora, AnyRunIsItsPartOfThePlainProduct) {
  for (const auto& name : k_cases) {
    Adapter adapter{data(name)};
    for (const auto& tensor : adapter.header.tensors) {
      if (tensor.low_rank < 0) continue;
      const auto whole = plain_product(*adapter.reader, adapter.header.low_rank[static_cast<std::size_t>(tensor.low_rank)], tensor);
      for (std::uint64_t first = 0; first < tensor.elements; first += 3) {
        for (std::uint64_t n = 0; first + n <= tensor.elements; n += 1 + n / 4) {
          const auto wide = adapter.delta<double>(tensor, first, n);
          const auto narrow = adapter.delta<float>(tensor, first, n);
          for (std::uint64_t i = 0; i < n; ++i) {
            ASSERT_EQ(wide[i], whole[first + i]) << name << " " << tensor.name << " " << first << " " << n;
            ASSERT_EQ(narrow[i], static_cast<float>(whole[first + i])) << name << " " << tensor.name << " " << first << " " << n;
          }
        }
      }
    }
  }
}

// A safetensors file of float32 tensors.
void write_safetensors(const fs::path& path, const std::vector<std::pair<std::string, Shape>>& tensors, unsigned seed) {
  std::mt19937 random{seed};
  Json json = Json::object();
  std::vector<float> values;
  for (const auto& [name, shape] : tensors) {
    const auto begin = values.size() * 4;
    values.resize(values.size() + *checked_elements(shape));
    json[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, values.size() * 4}}};
  }
  for (auto& value : values) value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 512.F;
  const auto header = json.dump();
  const std::uint64_t length = header.size();
  std::string text(8, '\0');
  std::memcpy(text.data(), &length, 8);
  text += header;
  text.append(reinterpret_cast<const char*>(values.data()), values.size() * 4);
  write_new_file(path, std::as_bytes(std::span{text}));
}

void write_text(const fs::path& path, const std::string& text) {
  fs::remove(path);
  write_new_file(path, std::as_bytes(std::span{text}));
}

const std::string k_a = "base_model.model.q.lora_A.weight";
const std::string k_b = "base_model.model.q.lora_B.weight";

fs::path make_adapter(const test::TempFolder& folder, const Json& config, const std::vector<std::pair<std::string, Shape>>& tensors) {
  fs::remove_all(folder / "adapter");
  fs::create_directory(folder / "adapter");
  write_text(folder / "adapter" / "adapter_config.json", config.dump());
  write_safetensors(folder / "adapter" / "adapter_model.safetensors", tensors, 7);
  return folder / "adapter";
}

TEST(Lora, FactorsLargerThanWhatIsKeptAreReadInPanels) {
  const test::TempFolder folder;
  constexpr std::uint64_t rank = 90;
  const Shape wide{rank, 30'000};  // more than 2^20 values
  const Shape tall{13, rank};
  for (const bool transposed : {false, true}) {
    const auto a = transposed ? Shape{rank, 13} : wide;
    const auto b = transposed ? Shape{30'000, rank} : tall;
    const auto path =
        make_adapter(folder, {{"peft_type", "LORA"}, {"r", rank}, {"lora_alpha", 7}, {"fan_in_fan_out", transposed}}, {{k_a, a}, {k_b, b}});
    write_safetensors(path / "base.safetensors", {{"q.weight", {13, 30'000}}}, 8);
    Adapter adapter{path};
    const auto& tensor = adapter.header.tensors.at(0);
    ASSERT_EQ(tensor.shape, (Shape{13, 30'000}));
    const auto whole = plain_product(*adapter.reader, adapter.header.low_rank[0], tensor);
    std::mt19937 random{3};
    for (int run = 0; run < 12; ++run) {
      const auto first = random() % tensor.elements;
      const auto n = run == 0 ? tensor.elements - first : random() % std::min<std::uint64_t>(tensor.elements - first, 70'000);
      const auto delta = adapter.delta<float>(tensor, first, n);
      for (std::uint64_t i = 0; i < n; ++i) ASSERT_EQ(delta[i], static_cast<float>(whole[first + i])) << first << " " << i;
    }
  }
}

TEST(Lora, EveryInstructionSetMultipliesTheSame) {
  std::mt19937 random{5};
  const auto draw = [&] { return static_cast<double>(static_cast<int>(random() % 2001) - 1000) / 7; };
  const auto targets = hwy::SupportedAndGeneratedTargets();
  ASSERT_FALSE(targets.empty());
  for (const std::size_t rank : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
    for (std::size_t columns = 0; columns < 80; ++columns) {
      const auto stride = columns + 3;
      std::vector<double> left(rank), right(rank * stride + 1), want(columns, 0.0);
      for (auto& x : left) x = draw();
      for (auto& x : right) x = draw();
      for (std::size_t j = 0; j < rank; ++j) {
        for (std::size_t c = 0; c < columns; ++c) want[c] += left[j] * right[1 + j * stride + c];
      }
      for (const auto target : targets) {
        hwy::SetSupportedTargetsForTest(target);
        std::vector<double> sums(columns, -1);
        lora::multiply_row(left, right.data() + 1, stride, sums);
        ASSERT_EQ(sums, want) << hwy::TargetName(target) << " " << rank << " " << columns;
      }
      hwy::SetSupportedTargetsForTest(0);
    }
  }
}

TEST(Lora, ConfigurationsThatAreNotPlainAreRefused) {
  const fs::path path = "adapter_config.json";
  const auto refused = [&](const std::string& text) {
    return test::error_text<InputError>([&] { return lora::parse_config(path, text); });
  };
  const auto with = [&](const std::string& more) { return refused(R"({"peft_type": "LORA", )" + more + "}"); };
  const std::string merge_first = " with PEFT, and give the result as the model";
  const auto strange = [&](const std::string& key, const std::string& value) {
    return fmt::format("adapter_config.json: {} is {}: such an adapter is no scaled product of two matrices here; merge it into its base{}",
                       key, value, merge_first);
  };
  EXPECT_EQ(with(R"("use_dora": true)"), strange("use_dora", "true"));
  EXPECT_EQ(with(R"("lora_bias": true)"), strange("lora_bias", "true"));
  EXPECT_EQ(with(R"("use_qalora": true)"), strange("use_qalora", "true"));
  EXPECT_EQ(with(R"("target_parameters": ["experts"])"), strange("target_parameters", "a list"));
  EXPECT_EQ(with(R"("trainable_token_indices": [1])"), strange("trainable_token_indices", "a list"));
  EXPECT_EQ(with(R"("layer_replication": [[0, 2]])"), strange("layer_replication", "a list"));
  EXPECT_EQ(with(R"("kasa_config": {"beta": 1})"), strange("kasa_config", "an object"));
  EXPECT_EQ(with(R"("what_comes_next": 3)"), strange("what_comes_next", "3"));
  EXPECT_EQ(with(R"("use_dora": false, "kasa_config": null, "loftq_config": {}, "next": null)"), "");
  EXPECT_EQ(refused(R"({"peft_type": "IA3"})"),
            "adapter_config.json: peft_type is \"IA3\", \"LORA\" is expected; merge the adapter into its base" + merge_first);
  EXPECT_EQ(refused("{}"), "adapter_config.json: peft_type is absent, \"LORA\" is expected; merge the adapter into its base" + merge_first);
  EXPECT_EQ(with(R"("init_lora_weights": "pissa_niter_4")"),
            "adapter_config.json: init_lora_weights is \"pissa_niter_4\": it changed the base "
            "too; save the adapter with path_initial_model_for_weight_conversion");
  EXPECT_EQ(with(R"("init_lora_weights": "gaussian")"), "");
  EXPECT_EQ(with(R"("r": 0)"), "adapter_config.json: r holds 0, a number from 1 up is expected");
  EXPECT_EQ(with(R"("r": -1)"), "adapter_config.json: r holds -1, a number from 1 up is expected");
  EXPECT_EQ(with(R"("r": [[]])"), "adapter_config.json: r holds a list, a number from 1 up is expected");
  EXPECT_EQ(with(R"("lora_alpha": "8")"), "adapter_config.json: lora_alpha holds \"8\", a number is expected");
  EXPECT_EQ(with(R"("use_rslora": 1)"), "adapter_config.json: use_rslora is 1, true or false is expected");
  EXPECT_EQ(with(R"("rank_pattern": [1])"), "adapter_config.json: rank_pattern is a list, an object is expected");
  EXPECT_EQ(with(R"("rank_pattern": {"(a+)+$": 1})"),
            "adapter_config.json: rank_pattern holds \"(a+)+$\": patterns of letters, digits, _ - . "
            "\\. .* ^ and $ are read; write the modules' names");
  EXPECT_EQ(with(R"("alpha_pattern": {"q": null})"), "adapter_config.json: alpha_pattern holds null, a number is expected");
  EXPECT_EQ(refused("[]"), "adapter_config.json: no JSON object; give an adapter's folder");
  EXPECT_TRUE(refused("{").starts_with("adapter_config.json: no valid JSON ("));
  // Values are named, not printed.
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(with("\"rank_pattern\": {\"q\": " + deep + "}"),
            "adapter_config.json: no valid JSON (nested deeper than 32 levels); fetch the file again");
  EXPECT_EQ(refused(R"({"peft_type": [[]]})").substr(0, 40), "adapter_config.json: peft_type is a list");
}

TEST(Lora, TheScaleFollowsThePatterns) {
  const auto config = lora::parse_config("c", R"({"peft_type": "LORA", "r": 4, "lora_alpha": 2, "rank_pattern": {"k": 9, "q": 16},
    "alpha_pattern": {"layers.1.q": 3, "q": 5}, "use_rslora": true})");
  EXPECT_EQ(config.scale_of("layers.0.v"), 2 / std::sqrt(4.0));
  EXPECT_EQ(config.scale_of("layers.0.k"), 2 / std::sqrt(9.0));
  EXPECT_EQ(config.scale_of("layers.1.q"), 3 / std::sqrt(16.0));
  EXPECT_EQ(config.scale_of("layers.0.q"), 5 / std::sqrt(16.0));
}

TEST(Lora, PatternsMatchAsPythonsRegularExpressionsDo) {
  using lora::matches_module;
  EXPECT_TRUE(matches_module("q_proj", "q_proj"));
  EXPECT_TRUE(matches_module("q_proj", "layers.0.q_proj"));
  EXPECT_FALSE(matches_module("q_proj", "layers.0.xq_proj"));
  EXPECT_FALSE(matches_module("q_proj", "layers.0.q_proj.x"));
  EXPECT_TRUE(matches_module("layers.1.q", "model.layers.1.q"));
  EXPECT_TRUE(matches_module("layers.1.q", "model.layersx1.q"));  // '.' is any character
  EXPECT_FALSE(matches_module("layers\\.1\\.q", "model.layersx1.q"));
  EXPECT_TRUE(matches_module("^layers.*q$", "layers.1.q"));
  EXPECT_FALSE(matches_module("^layers.1.q", "model.layers.1.q"));
  EXPECT_TRUE(matches_module("a.*b.*c", "x.a1b2b3c"));
  EXPECT_FALSE(matches_module("a.*b.*c", "x.a1b2b3"));
  EXPECT_TRUE(matches_module(".*", ""));
  EXPECT_FALSE(matches_module(std::string(500, 'a') + "b", std::string(5000, 'a')));
  std::string runs;
  for (int i = 0; i < 100; ++i) runs += ".*a";
  EXPECT_FALSE(matches_module(runs + "b", std::string(5000, 'a')));
  for (const auto* strange : {"(a)", "a|b", "a+", "a?", "[ab]", "a{2}", "\\d", "a*", "a^b", "a\\"}) {
    EXPECT_FALSE(lora::is_plain_pattern(strange)) << strange;
  }
}

TEST(Lora, FilesThatAreNoPlainAdapterAreRefused) {
  const test::TempFolder folder;
  const Json config{{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}};
  const auto refused = [&](const std::vector<std::pair<std::string, Shape>>& tensors) {
    const auto path = make_adapter(folder, config, tensors);
    const auto text = test::error_text<InputError>([&] { return read_lora_header(path); });
    const auto prefix = (path / "adapter_model.safetensors").string() + ": tensor ";
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  };
  const std::string strange = " is no part of a plain LoRA adapter; merge it into its base with PEFT, and give the result as the model";
  for (const std::string name : {"q.lora_A.weight", "base_model.model.q.lora_magnitude_vector", "base_model.model.q.lora_B.bias",
                                 "base_model.model.e.token_adapter.trainable_tokens_delta"}) {
    EXPECT_EQ(refused({{name, {2, 2}}}), fmt::format("\"{}\":{}", name, strange));
  }
  EXPECT_EQ(refused({{k_a, {2, 3}}}), fmt::format("\"{}\": the other factor, lora_B, is not in the file; fetch it again", k_a));
  EXPECT_EQ(refused({{k_b, {3, 2}}}), fmt::format("\"{}\": the other factor, lora_A, is not in the file; fetch it again", k_b));
  EXPECT_EQ(refused({{k_a, {3, 3}}, {k_b, {3, 3}}}),
            fmt::format("\"{}\": is [3, 3], the configuration says a rank of 2: its first extent; fetch the adapter again", k_a));
  EXPECT_EQ(refused({{k_a, {2, 3}}, {k_b, {3, 3}}}),
            fmt::format("\"{}\": is [3, 3], the factor beside it [2, 3]: 2 columns are expected; fetch the adapter again", k_b));
  EXPECT_EQ(refused({{k_a, {2, 3}}, {k_b, {3, 2}}, {"base_model.model.q.weight", {3, 3}}}),
            "\"base_model.model.q.weight\": has factors too; which of the two is meant is not said");
  EXPECT_EQ(refused({{k_a, {2, 3}}, {k_b, {3, 2}}, {"base_model.model.q.base_layer.weight", {4, 3}}}),
            "\"base_model.model.q.base_layer.weight\": is [4, 3], the product of the factors [3, 3]");
  EXPECT_EQ(refused({{k_a, {2, 3}}, {k_b, {3, 2}}}), "");
  fs::remove(folder / "adapter" / "adapter_model.safetensors");
  EXPECT_EQ(test::error_text<InputError>([&] { return read_lora_header(folder / "adapter"); }),
            (folder / "adapter").string() +
                ": none of adapter_model.safetensors, adapter_model.bin is in this folder; give a PEFT adapter's folder");
  EXPECT_EQ(test::error_text<InputError>([&] { return read_header(folder / "adapter"); }),
            (folder / "adapter").string() + ": a LoRA adapter; give it as a model, beside the base it belongs to");
}

TEST(Lora, AnotherBaseThanTheAdaptersIsRefused) {
  const test::TempFolder folder;
  fs::copy(data("embedding"), folder / "adapter");
  fs::remove(folder / "adapter" / "base.safetensors");
  write_safetensors(folder / "adapter" / "base.safetensors", {{"embed_tokens.weight", {12, 6}}}, 1);
  Adapter adapter{folder / "adapter"};
  const auto* tensor = adapter.header.find("embed_tokens.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_THAT(
      test::error_text<InputError>([&] { return adapter.delta<float>(*tensor, 5, 7); }),
      testing::MatchesRegex(".*/adapter_model.safetensors: tensor \"embed_tokens.weight\": element 5 is [-.0-9]+ in the adapter's copy of "
                            "the base and [-.0-9]+ in the base given; give the base that the adapter was trained on"));
}

TEST(Lora, TheHashFollowsTheConfiguration) {
  const test::TempFolder folder;
  const auto hash = [&](int alpha) {
    return read_lora_header(make_adapter(folder, {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", alpha}}, {{k_a, {2, 3}}, {k_b, {3, 2}}}))
        .files[0]
        .header_hash;
  };
  EXPECT_EQ(hash(4), hash(4));
  EXPECT_NE(hash(4), hash(5));
}

}  // namespace
}  // namespace dare::checkpoint
