#include "checkpoint/foreign_files.hpp"
#include "checkpoint/h5_filters.hpp"
#include "checkpoint/sample.hpp"
#include "checkpoint/shared_folder.hpp"

#include <dare/checkpoint/reader.hpp>
#include <dare/core/error.hpp>

#include <gmock/gmock.h>
#include <zlib.h>

#include <array>
#include <functional>

namespace dare {
namespace {

namespace fs = std::filesystem;

using Bytes = std::vector<std::byte>;
using test::H5Dataset;
using test::H5File;
using test::H5Properties;
using test::H5Space;
using test::k_make;
using test::SharedFolder;
using test::world;

using Put = std::function<void(hid_t creation)>;

void shuffle(hid_t creation) {
  check(H5Pset_shuffle(creation), k_make);
}
void deflate(hid_t creation) {
  check(H5Pset_deflate(creation, 5), k_make);
}
void fletcher(hid_t creation) {
  check(H5Pset_fletcher32(creation), k_make);
}

H5Properties chunks_of(const std::vector<hsize_t>& extents, const std::vector<Put>& filters = {}) {
  H5Properties creation{H5Pcreate(H5P_DATASET_CREATE), k_make};
  check(H5Pset_chunk(creation.get(), static_cast<int>(extents.size()), extents.data()), k_make);
  for (const auto& put : filters) put(creation.get());
  return creation;
}

// Options of chunks are a newer part of the format.
void make_latest(const fs::path& path, const std::function<void(hid_t)>& fill) {
  world().agree([&] {
    if (!world().is_root()) return;
    const H5Properties access{H5Pcreate(H5P_FILE_ACCESS), k_make};
    check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_LATEST), k_make);
    const H5File file{H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access.get()), k_make};
    fill(file.get());
  });
}

// As HDF5 itself reads it, with its own filters.
Bytes as_hdf5_reads(const fs::path& path, const checkpoint::TensorInfo& tensor) {
  return world().from_root([&] {
    const auto file = checkpoint::hdf5::open_serial(path);
    const H5Dataset dataset{H5Dopen2(file.get(), tensor.dataset.c_str(), H5P_DEFAULT), k_make};
    Bytes bytes(tensor.bytes);
    const auto type = tensor.dtype == Dtype::f32 ? H5T_IEEE_F32LE : tensor.dtype == Dtype::i16 ? H5T_STD_I16LE : H5T_STD_U8LE;
    check(H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), k_make);
    return bytes;
  });
}

// Writes the first half of the outermost extent only.
void add_half(hid_t file, const char* path, const std::vector<hsize_t>& extents, hid_t creation) {
  const H5Space space{H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), k_make};
  const H5Dataset made{H5Dcreate2(file, path, H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, creation, H5P_DEFAULT), k_make};
  auto count = extents;
  count[0] /= 2;
  const std::vector<hsize_t> start(extents.size(), 0);
  check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), k_make);
  const auto memory = H5Space{H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), k_make};
  const auto values = test::counting(static_cast<std::size_t>(H5Sget_simple_extent_npoints(memory.get())));
  check(H5Dwrite(made.get(), H5T_NATIVE_DOUBLE, memory.get(), space.get(), H5P_DEFAULT, values.data()), k_make);
}

void fill_with_minus_7(hid_t creation) {
  const float value = -7;
  check(H5Pset_fill_value(creation, H5T_NATIVE_FLOAT, &value), k_make);
}

TEST(Hdf5Chunks, AreReadAsHdf5ReadsThem) {
  const SharedFolder folder;
  const auto path = folder / "w.h5";
  make_latest(path, [](hid_t file) {
    const auto add = [&](const char* name, hid_t type, const std::vector<hsize_t>& extents, const H5Properties& creation) {
      test::add(file, name, type, extents, creation.get());
    };
    add("bare", H5T_IEEE_F32LE, {37, 11}, chunks_of({5, 4}));
    add("big_endian", H5T_STD_I16BE, {37, 11}, chunks_of({5, 4}, {shuffle, deflate}));
    add("bytes", H5T_STD_U8LE, {1'009}, chunks_of({64}, {shuffle, deflate}));
    add("deep", H5T_IEEE_F32LE, {7, 5, 6, 3}, chunks_of({2, 3, 4, 2}, {deflate}));
    add("fletcher_alone", H5T_STD_U8LE, {9, 13}, chunks_of({9, 5}, {fletcher}));
    add("in_another_order", H5T_IEEE_F32LE, {101}, chunks_of({20}, {fletcher, deflate, shuffle}));
    add("larger_than_it", H5T_IEEE_F32LE, {3, 2}, chunks_of({3, 2}, {shuffle, deflate, fletcher}));
    add("long_sum", H5T_IEEE_F32LE, {9'973}, chunks_of({4'001}, {fletcher}));
    add("shuffled", H5T_IEEE_F32LE, {37, 11}, chunks_of({37, 1}, {shuffle}));
    auto bare_at_end = chunks_of({5, 4}, {shuffle, deflate});
    check(H5Pset_chunk_opts(bare_at_end.get(), H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS), k_make);
    add("bare_at_end", H5T_IEEE_F32LE, {37, 11}, bare_at_end);
    add_half(file, "half", {40, 11}, chunks_of({5, 4}, {deflate}).get());
    add_half(file, "half_filled", {40, 11}, chunks_of({5, 4}, {fill_with_minus_7}).get());
    add_half(file, "never", {1, 11}, chunks_of({1, 4}, {fill_with_minus_7, deflate}).get());
  });
  const auto header = world().from_root([&] { return checkpoint::read_header(path); });
  ASSERT_EQ(header.tensors.size(), 13U);
  for (const std::uint64_t most : {1U, 7U, 100U, 1'000'000U}) {
    const auto reader = checkpoint::open(header, world());
    for (const auto& tensor : header.tensors) {
      if (most == 1 && tensor.elements > 1'000) continue;
      EXPECT_TRUE(test::read_shared(*reader, tensor, world(), most) == as_hdf5_reads(path, tensor)) << tensor.name << " by " << most;
    }
    reader->close();
  }
}

// A place for damage: 1024 floats in one chunk, stored as `stored`, with filter i skipped where bit i of `skipped` is set.
void make_chunk(const fs::path& path, const std::vector<Put>& filters, const Bytes& stored, std::uint32_t skipped = 0) {
  world().agree([&] {
    if (!world().is_root()) return;
    test::make(path, [&](hid_t file) {
      const hsize_t extent = 1'024;
      const auto creation = chunks_of({extent}, filters);
      const H5Space space{H5Screate_simple(1, &extent, nullptr), k_make};
      const H5Dataset made{H5Dcreate2(file, "w", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), k_make};
      const hsize_t start = 0;
      check(H5Dwrite_chunk(made.get(), H5P_DEFAULT, skipped, &start, stored.size(), stored.data()), k_make);
    });
  });
}

Bytes packed(const Bytes& plain) {
  auto length = ::compressBound(plain.size());
  Bytes stored(length);
  EXPECT_EQ(::compress(reinterpret_cast<Bytef*>(stored.data()), &length, reinterpret_cast<const Bytef*>(plain.data()), plain.size()), Z_OK);
  stored.resize(length);
  return stored;
}

TEST(Hdf5Chunks, ThatDoNotUnpackToTheirSizeAreRefused) {
  struct Case {
    const char* rule;
    std::vector<Put> filters;
    Bytes stored;
    std::string text;
  };
  auto torn = packed(test::pattern(0, 4'096));
  torn.resize(torn.size() / 2);
  const std::string too_much = "its compressed data are damaged, or unpack to more than its 4096 bytes";
  const std::vector<Case> cases{
      {"short", {deflate}, packed(Bytes(16)), "unpacks to 16 bytes, it has 4096"},
      {"short_by_one", {shuffle, deflate}, packed(Bytes(4'095)), "unpacks to 4095 bytes, it has 4096"},
      {"bomb", {deflate}, packed(Bytes(8'000'000)), too_much},
      {"long_by_one", {deflate}, packed(Bytes(4'097)), too_much},
      {"torn", {deflate}, torn, too_much},
      {"no_deflate", {deflate}, Bytes(100), too_much},
      {"without_its_sum", {fletcher, deflate}, packed(Bytes(4'096)), "unpacks to 4096 bytes, it has 4100"},
      {"wrong_sum", {fletcher}, test::pattern(0, 4'100), "its checksum is 0d185057, 9a179411 is stored"},
      {"no_room_for_a_sum", {fletcher}, Bytes(3), "3 bytes, its checksum alone has 4"},
      {"short_behind_a_sum", {fletcher}, Bytes(8), "4 bytes are stored, it has 4096"},
      {"short_shuffled", {shuffle}, Bytes(8), "8 bytes are stored, it has 4096"},
      {"far_too_many", {deflate}, Bytes(20'000), "20000 bytes are stored, it has 4096"},
  };
  const SharedFolder folder;
  for (const auto& bad : cases) {
    const auto path = folder / (std::string{bad.rule} + ".h5");
    make_chunk(path, bad.filters, bad.stored);
    const auto header = world().from_root([&] { return checkpoint::read_header(path); });
    const auto reader = checkpoint::open(header, world());
    Bytes out(4'096);
    const auto said = test::error_text<InputError>([&] { reader->read(header.tensors.at(0), 0, out); });
    reader->close();
    EXPECT_EQ(said, path.string() + ": dataset \"w\": chunk at [0]: " + bad.text + "; fetch the file again") << bad.rule;
  }
}

TEST(Hdf5Chunks, FiltersThatAChunkSkipsAreNotTakenOff) {
  const SharedFolder folder;
  const auto plain = test::pattern(3, 4'096);
  make_chunk(folder / "w.h5", {fletcher, deflate}, plain, 3);
  make_chunk(folder / "packed.h5", {fletcher, deflate}, packed(plain), 1);
  for (const auto* name : {"w.h5", "packed.h5"}) {
    const auto header = world().from_root([&] { return checkpoint::read_header(folder / name); });
    const auto reader = checkpoint::open(header, world());
    EXPECT_TRUE(test::read_shared(*reader, header.tensors.at(0), world(), 100) == plain) << name;
    reader->close();
  }
}

// HDF5 1.6.2 and before.
TEST(Hdf5Chunks, SumsWithExchangedBytesAreAccepted) {
  const checkpoint::hdf5::Filter fletcher32{checkpoint::hdf5::FilterKind::fletcher32};
  const Bytes plain{std::byte{1}, std::byte{2}, std::byte{3}};
  // Words 0x0102 and 0x0300: sums 0x0402 and 0x0504.
  for (const auto& sum : {std::array{0x02, 0x04, 0x04, 0x05}, std::array{0x04, 0x02, 0x05, 0x04}}) {
    auto stored = plain;
    for (const auto byte : sum) stored.push_back(static_cast<std::byte>(byte));
    EXPECT_EQ(checkpoint::hdf5::unfilter({fletcher32}, 0, stored, 3), plain);
  }
}

// HDF5 leaves memory as it was where nothing was written and no fill value is wanted.
TEST(Hdf5Chunks, WhatWasNeverWrittenIsZero) {
  const SharedFolder folder;
  const auto path = folder / "w.h5";
  make_latest(path, [](hid_t file) {
    const auto never = [](hid_t creation) { check(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER), k_make); };
    const hsize_t extent = 100;
    const H5Space space{H5Screate_simple(1, &extent, nullptr), k_make};
    const H5Properties contiguous{H5Pcreate(H5P_DATASET_CREATE), k_make};
    never(contiguous.get());
    const auto chunked = chunks_of({10}, {never});
    add_half(file, "half", {100}, chunked.get());
    for (const auto& [name, creation] : {std::pair{"chunks", chunked.get()}, std::pair{"one_piece", contiguous.get()}}) {
      const H5Dataset made{H5Dcreate2(file, name, H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, creation, H5P_DEFAULT), k_make};
    }
  });
  const auto header = world().from_root([&] { return checkpoint::read_header(path); });
  const auto reader = checkpoint::open(header, world());
  ASSERT_EQ(header.tensors.size(), 3U);
  for (const auto& tensor : header.tensors) {
    Bytes out(200, std::byte{0xEE});
    reader->read(tensor, 50, out);
    EXPECT_EQ(out, Bytes(200)) << tensor.name;
  }
  reader->close();
}

}  // namespace
}  // namespace dare
