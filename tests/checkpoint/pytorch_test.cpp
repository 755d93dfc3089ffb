#include "checkpoint/backends.hpp"
#include "checkpoint/pytorch_gather.hpp"
#include "checkpoint/pytorch_parse.hpp"
#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>

namespace dare::checkpoint {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path data(const std::string& name) {
  return fs::path{DARE_TEST_DATA} / "pytorch" / name;
}

Header header_of(const std::string& name) {
  return folder::read_file_header(data(name), Format::pytorch, pytorch::parse_file);
}
Header folder_header(const fs::path& path) {
  return folder::read_header(path, {safetensors::form(), pytorch::form()});
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const auto b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

std::vector<std::byte> bytes_of(CheckpointReader& reader, const TensorInfo& tensor, std::uint64_t first, std::uint64_t n) {
  std::vector<std::byte> bytes(*bytes_for(tensor.dtype, n));
  reader.read(tensor, first, bytes);
  return bytes;
}

void expect_tensors(const Header& header, const Json& expected) {
  EXPECT_EQ(header.tensors.size(), expected.size());
  const auto reader = pytorch::open(header);
  for (const auto& tensor : header.tensors) {
    ASSERT_TRUE(expected.contains(tensor.name)) << tensor.name;
    const auto& want = expected[tensor.name];
    EXPECT_EQ(name(tensor.dtype), want["dtype"].get<std::string>()) << tensor.name;
    EXPECT_EQ(tensor.shape, want["shape"].get<Shape>()) << tensor.name;
    EXPECT_EQ(hex(bytes_of(*reader, tensor, 0, tensor.elements)), want["hex"].get<std::string>()) << tensor.name;
  }
  reader->close();
}

TEST(Pytorch, ValuesAreThoseThatTorchReads) {
  const auto expected = Json::parse(read_text(data("expected.json")));
  ASSERT_GE(expected.size(), 16U);
  for (const auto& [file, tensors] : expected.items()) {
    SCOPED_TRACE(file);
    expect_tensors(header_of(file), tensors);
  }
}

TEST(Pytorch, AnyRunOfAStridedTensorIsItsPartOfTheWhole) {
  std::size_t strided = 0;
  for (const auto* file : {"views.pt", "views_legacy.pt"}) {
    const auto header = header_of(file);
    const auto reader = pytorch::open(header);
    for (const auto& tensor : header.tensors) {
      strided += tensor.strides.empty() ? 0 : 1;
      const auto whole = bytes_of(*reader, tensor, 0, tensor.elements);
      const auto item = info(tensor.dtype).bits / 8;
      for (std::uint64_t first = 0; first < tensor.elements; ++first) {
        for (std::uint64_t n = 0; first + n <= tensor.elements; ++n) {
          const auto part = bytes_of(*reader, tensor, first, n);
          ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first * item)))
              << tensor.name << " " << first << " " << n;
        }
      }
    }
  }
  EXPECT_EQ(strided, 10U);
}

TEST(Pytorch, StridedReadsTakePiecesOfAtMost64KiB) {
  std::vector<std::uint32_t> memory(300'001);
  std::iota(memory.begin(), memory.end(), 0U);
  const auto raw = std::as_bytes(std::span{memory});
  std::size_t largest = 0;
  std::size_t reads = 0;
  const auto read_at = [&](std::uint64_t offset, std::span<std::byte> out) {
    ASSERT_LE(offset + out.size(), raw.size());
    std::memcpy(out.data(), raw.data() + offset, out.size());
    largest = std::max(largest, out.size());
    ++reads;
  };
  struct Case {
    Shape shape, strides;
    std::size_t reads;
  };
  const Case cases[]{{{100, 3000}, {1, 100}, 3000},     // transposed: a column is one piece
                     {{3, 100'000}, {100'000, 1}, 21},  // rows longer than a piece
                     {{14}, {20'000}, 14},              // neighbours further apart than a piece
                     {{2, 40'000}, {150'000, 3}, 16},   // every third
                     {{5, 4}, {0, 7}, 4}};              // rows repeated: each element read once
  for (const auto& c : cases) {
    reads = 0;
    const auto elements = *checked_elements(c.shape);
    std::vector<std::uint32_t> out(elements);
    pytorch::gather({4, 4, c.shape, c.strides}, 0, read_at, std::as_writable_bytes(std::span{out}));
    for (std::uint64_t e = 0; e < elements; ++e) {
      const auto last = c.shape.back();
      const auto at = c.shape.size() == 1 ? e * c.strides[0] : e / last * c.strides[0] + e % last * c.strides[1];
      ASSERT_EQ(out[e], at + 1) << to_string(c.shape) << " " << e;
    }
    EXPECT_EQ(reads, c.reads) << to_string(c.shape);
  }
  EXPECT_LE(largest, 65'536U);
}

TEST(Pytorch, TensorsStandInTheStateDictsOrder) {
  std::vector<std::string> names;
  for (const auto& tensor : header_of("module.pth").tensors) names.push_back(tensor.name);
  EXPECT_THAT(names, testing::ElementsAre("empty", "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                                          "1.num_batches_tracked"));
}

TEST(Pytorch, TiedTensorsShareTheirPlace) {
  const auto header = header_of("views.pt");
  const auto at = [&](const std::string& name) {
    return std::find_if(header.tensors.begin(), header.tensors.end(), [&](const TensorInfo& t) { return t.name == name; })->offset;
  };
  EXPECT_EQ(at("tied_a"), at("tied_b"));
}

TEST(Pytorch, RefusesWhatIsNoStateDictOfPlainTensors) {
  const auto advice = "; no code of a pickle is run; save the model's state_dict() with torch.save, or as safetensors";
  const auto global = [&](int byte, const std::string& name) {
    return fmt::format("data.pkl, byte {}: global {} is none that a state dict of plain tensors needs{}", byte, name, advice);
  };
  const std::map<std::string, std::string> refusals{
      {"repeated.pt", "tensor \"mask\": [4] has 4 elements, its storage 1: it repeats them; save it after .contiguous()"},
      {"nested.pt", "\"encoder\" is a dict that holds tensors; save the model's state_dict() alone"},
      {"two_wrappers.pt", "both \"model\" and \"state_dict\" are dicts, one of them is meant; save the model's state_dict() alone"},
      {"list.pt", "holds a list, a dict of tensors is expected; save the model's state_dict() alone"},
      {"no_tensor.pt",
       "no tensor, neither in the dict nor in one of its \"state_dict\", \"model_state_dict\", \"model\", \"module\"; save "
       "the model's state_dict() alone"},
      {"conjugate.pt",
       "data.pkl, byte 180: torch._utils._rebuild_tensor_v2: a tensor with a conjugate or negative bit; save it after "
       "resolve_conj() and resolve_neg()"},
      {"sparse.pt", "data.pkl, byte 13: torch._utils._rebuild_sparse_tensor: a sparse tensor; save it after .to_dense()"},
      {"quantised.pt", "data.pkl, byte 13: torch._utils._rebuild_qtensor: a quantised tensor; save it after .dequantize()"},
      {"complex128.pt",
       "data.pkl, byte 64: torch.ComplexDoubleStorage: complex numbers of 128 bits; save the tensor as complex64, or without it"},
      {"whole_module.pt", global(2, "torch.nn.modules.linear.Linear")},
      {"script.pt", "a TorchScript program; save the model's state_dict() with torch.save"},
      {"make.py", "neither a zip archive nor a pickle; load it with the PyTorch that wrote it and save it again"}};
  for (const auto& [file, text] : refusals) {
    EXPECT_EQ(test::error_text<InputError>([&] { return header_of(file); }), fmt::format("{}: {}", data(file).string(), text));
  }
}

TEST(Pytorch, FoldersInOneFileOrInShards) {
  const auto single = folder_header(data("single"));
  EXPECT_EQ(single.format, Format::pytorch);
  EXPECT_EQ(single.files[0].name, "pytorch_model.bin");
  const auto sharded = folder_header(data("sharded"));
  ASSERT_EQ(sharded.files.size(), 2U);
  EXPECT_EQ(sharded.files[1].name, "pytorch_model-00002-of-00002.bin");
  EXPECT_THAT(sharded.side_files, testing::ElementsAre("config.json"));
  ASSERT_EQ(sharded.tensors.size(), 3U);
  EXPECT_EQ(sharded.tensors[2].file, 1U);
  const auto expected = Json::parse(read_text(data("expected.json")));
  const auto reader = pytorch::open(sharded);
  EXPECT_EQ(hex(bytes_of(*reader, sharded.tensors[0], 0, 8)), expected["sharded/pytorch_model-00001-of-00002.bin"]["a"]["hex"]);
  EXPECT_EQ(hex(bytes_of(*reader, sharded.tensors[2], 1, 2)),
            expected["sharded/pytorch_model-00002-of-00002.bin"]["c"]["hex"].get<std::string>().substr(4, 8));
}

TEST(Pytorch, HeaderHashesTellFilesApart) {
  const auto hash = [](const std::string& name) { return to_hex(header_of(name).files[0].header_hash); };
  EXPECT_EQ(hash("views.pt"), hash("views.pt"));
  EXPECT_NE(hash("types_protocol2.pt"), hash("types_protocol4.pt"));
  EXPECT_NE(hash("views.pt"), hash("views_legacy.pt"));
}

// A copy of `name` with the bytes at `offset` (from the end where negative) replaced.
fs::path changed(const test::TempFolder& folder, const std::string& name, std::ptrdiff_t offset, const std::string& bytes) {
  auto text = read_text(data(name));
  text.replace(static_cast<std::size_t>(offset < 0 ? static_cast<std::ptrdiff_t>(text.size()) + offset : offset), bytes.size(), bytes);
  const auto path = folder / name;
  std::ofstream{path, std::ios::binary} << text;
  return path;
}

// Every file that ends too early is refused, and says which it is.
void cut_and_expect_refusals(const test::TempFolder& folder, const std::string& name) {
  const auto path = folder / name;
  fs::copy_file(data(name), path, fs::copy_options::overwrite_existing);
  for (auto size = fs::file_size(path); size-- > 0;) {
    fs::resize_file(path, size);
    ASSERT_TRUE(test::error_text<InputError>([&] { return pytorch::parse_file(path, name); }).starts_with(path.string() + ": ")) << size;
  }
}

TEST(Pytorch, DamagedArchivesAreRefused) {
  const test::TempFolder folder;
  cut_and_expect_refusals(folder, "wrapped.pt");
  const auto pickle = read_text(data("wrapped.pt")).find("epoch");
  const auto path = changed(folder, "wrapped.pt", static_cast<std::ptrdiff_t>(pickle), "Epoch");
  EXPECT_EQ(test::error_text<InputError>([&] { return pytorch::parse_file(path, ""); }),
            path.string() + ": zip entry \"wrapped/data.pkl\": CRC error; fetch the file again");
}

TEST(Pytorch, CutLegacyFilesAreRefused) {
  const test::TempFolder folder;
  cut_and_expect_refusals(folder, "views_legacy.pt");
}

}  // namespace
}  // namespace dare::checkpoint
