#include <dare/checkpoint/reader.hpp>

#include "checkpoint/foreign_files.hpp"
#include "checkpoint/sample.hpp"
#include "checkpoint/shared_folder.hpp"

#include <dare/core/error.hpp>

#include <gmock/gmock.h>

namespace dare {
namespace {

namespace fs = std::filesystem;

using test::add;
using test::H5Dataset;
using test::H5Group;
using test::H5Properties;
using test::H5Space;
using test::H5Type;
using test::k_make;
using test::SharedFolder;
using test::world;

// The file as rank 0 makes it.
void make_shared(const fs::path& path, const std::function<void(hid_t)>& fill) {
  world().agree([&] {
    if (world().is_root()) test::make(path, fill);
  });
}

template <class T>
std::vector<std::byte> as_stored(std::size_t n) {
  std::vector<T> values;
  for (const auto value : test::counting(n)) values.push_back(static_cast<T>(value));
  const auto bytes = std::as_bytes(std::span{values});
  return {bytes.begin(), bytes.end()};
}

TEST(ForeignHdf5, EveryLayoutAndByteOrderIsRead) {
  const SharedFolder folder;
  const auto path = folder / "weights.h5";
  make_shared(path, [](hid_t file) {
    test::add_all_kinds(file);
    test::add_flag(file);
  });
  struct Expected {
    const char* name;
    Dtype dtype;
    Shape shape;
    std::vector<std::byte> bytes;
  };
  std::vector<std::byte> small = as_stored<std::uint8_t>(3);
  std::fill(small.begin(), small.end(), std::byte{0});  // HDF5 writes what is below 0 as 0
  const std::vector<Expected> expected{
      {"chunked", Dtype::i32, {19, 13}, as_stored<std::int32_t>(19 * 13)},
      {"compact", Dtype::u8, {3}, small},
      {"compressed", Dtype::f32, {101, 29}, as_stored<float>(101 * 29)},
      {"count", Dtype::i16, {}, as_stored<std::int16_t>(1)},
      {"empty", Dtype::f32, {0, 4}, {}},
      {"flag", Dtype::boolean, {}, {std::byte{1}}},
      {"model/dense/bias:0", Dtype::f64, {23}, as_stored<double>(23)},
      {"model/dense/kernel:0", Dtype::f32, {17, 5}, as_stored<float>(17 * 5)},
  };
  const auto header = world().from_root([&] { return checkpoint::read_header(path); });
  ASSERT_EQ(header.tensors.size(), expected.size());
  EXPECT_EQ(header.notes, std::vector<std::string>{path.string() + ": left out, for they hold no floats or integers: null, text"});
  for (const std::uint64_t most : {1U, 7U, 1'000'000U}) {
    const auto reader = checkpoint::open(header, world());
    for (std::size_t t = 0; t < expected.size(); ++t) {
      EXPECT_EQ(header.tensors[t].name, expected[t].name);
      EXPECT_EQ(header.tensors[t].dtype, expected[t].dtype);
      EXPECT_EQ(header.tensors[t].shape, expected[t].shape);
      if (most == 1 && header.tensors[t].elements > 300) continue;
      EXPECT_TRUE(test::read_shared(*reader, header.tensors[t], world(), most) == expected[t].bytes) << expected[t].name;
    }
    reader->close();
  }
  EXPECT_EQ(header.find("model/dense/bias:0")->offset, 0U) << "must not be read in place: it is big-endian";
  EXPECT_NE(header.find("model/dense/kernel:0")->offset, 0U);
  EXPECT_TRUE(checkpoint::read_source_headers(header).empty());
}

TEST(ForeignHdf5, CyclesEndAndSoftLinksAreSkipped) {
  const SharedFolder folder;
  const auto path = folder / "cycle.h5";
  make_shared(path, [](hid_t file) {
    add(file, "a/b/w", H5T_IEEE_F32LE, {2});
    check(H5Lcreate_hard(file, "/a", file, "/a/b/up", H5P_DEFAULT, H5P_DEFAULT), k_make);
    check(H5Lcreate_hard(file, "/", file, "/a/root", H5P_DEFAULT, H5P_DEFAULT), k_make);
    check(H5Lcreate_hard(file, "/a/b/w", file, "/a/b/x", H5P_DEFAULT, H5P_DEFAULT), k_make);
    check(H5Lcreate_soft("/a/b/w", file, "/soft", H5P_DEFAULT, H5P_DEFAULT), k_make);
    check(H5Lcreate_soft("/nowhere", file, "/dangling", H5P_DEFAULT, H5P_DEFAULT), k_make);
  });
  const auto header = world().from_root([&] { return checkpoint::read_header(path); });
  ASSERT_EQ(header.tensors.size(), 2U);
  EXPECT_EQ(header.tensors[0].name, "a/b/w");
  EXPECT_EQ(header.tensors[1].name, "a/b/x") << "a second name of a dataset is a tensor too: tied weights";
}

/// A file that is refused, and what is said behind its name.
struct Refused {
  const char* rule;
  std::function<void(hid_t file)> fill;
  std::string text;
};

std::vector<Refused> refused() {
  return {
      {"external_link", [](hid_t file) { check(H5Lcreate_external("other.h5", "/w", file, "/e", H5P_DEFAULT, H5P_DEFAULT), k_make); },
       "\"e\" is a link to another file, which is not followed; copy the weights into one file"},
      {"external_storage",
       [](hid_t file) {
         const H5Properties outside{H5Pcreate(H5P_DATASET_CREATE), k_make};
         check(H5Pset_external(outside.get(), "/etc/hostname", 0, 4), k_make);
         const H5Space space{H5Screate(H5S_SCALAR), k_make};
         const H5Dataset made{H5Dcreate2(file, "w", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, outside.get(), H5P_DEFAULT), k_make};
       },
       "dataset \"w\" lies in another file (\"/etc/hostname\"), which is not followed; copy the weights into one file"},
      {"virtual_dataset",
       [](hid_t file) {
         const H5Properties view{H5Pcreate(H5P_DATASET_CREATE), k_make};
         const hsize_t extent = 4;
         const H5Space space{H5Screate_simple(1, &extent, nullptr), k_make};
         check(H5Pset_virtual(view.get(), space.get(), "other.h5", "/w", space.get()), k_make);
         const H5Dataset made{H5Dcreate2(file, "w", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, view.get(), H5P_DEFAULT), k_make};
       },
       "dataset \"w\" is a virtual dataset, which parallel HDF5 cannot read; copy it with `h5repack -l CONTI`"},
      {"odd_integer",
       [](hid_t file) {
         const H5Type type{H5Tcopy(H5T_STD_I32LE), k_make};
         check(H5Tset_precision(type.get(), 24), k_make);
         add(file, "w", type.get(), {2});
       },
       "dataset \"w\" is a 4-byte integer of 24 bits, which no dtype is"},
      {"odd_float",
       [](hid_t file) {
         const H5Type type{H5Tcopy(H5T_IEEE_F32LE), k_make};
         check(H5Tset_ebias(type.get(), 126), k_make);
         add(file, "w", type.get(), {2});
       },
       "dataset \"w\" is a 4-byte float, which no dtype is"},
      {"huge_chunks",
       [](hid_t file) {
         const H5Properties chunked{H5Pcreate(H5P_DATASET_CREATE), k_make};
         const hsize_t extent = hsize_t{1} << 27U;
         check(H5Pset_chunk(chunked.get(), 1, &extent), k_make);
         const H5Space space{H5Screate_simple(1, &extent, nullptr), k_make};
         const H5Dataset made{H5Dcreate2(file, "w", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, chunked.get(), H5P_DEFAULT), k_make};
       },
       "dataset \"w\" has chunks of 536870912 bytes, at most 268435456 are read; repack it with `h5repack -l CONTI`"},
      {"sum_that_wraps",
       [](hid_t file) {
         const H5Properties chunked{H5Pcreate(H5P_DATASET_CREATE), k_make};
         const hsize_t chunk = 1'024;
         check(H5Pset_chunk(chunked.get(), 1, &chunk), k_make);
         const hsize_t extent = (hsize_t{1} << 58U) - 1;  // the most that a float's tensor may have
         const H5Space space{H5Screate_simple(1, &extent, nullptr), k_make};
         for (int i = 0; i < 17; ++i) {
           const auto name = std::to_string(i);
           const H5Dataset made{H5Dcreate2(file, name.c_str(), H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, chunked.get(), H5P_DEFAULT),
                                k_make};
         }
       },
       "its tensors have 2^60 bytes or more; fetch it again"},
      {"deep_groups",
       [](hid_t file) {
         std::string path = "w";
         for (int i = 0; i < 101; ++i) path = "g/" + path;
         add(file, path.c_str(), H5T_IEEE_F32LE, {});
       },
       [] {
         std::string path = "g";
         for (int i = 0; i < 100; ++i) path += "/g";
         return "group \"" + path + "\" lies more than 100 groups deep";
       }()},
      {"no_utf8", [](hid_t file) { add(file, "g\xff", H5T_IEEE_F32LE, {}); },
       "tensor \"g\\xff\": the name is no UTF-8 text without NUL; rename it"},
      {"no_weights",
       [](hid_t file) {
         const H5Group made{H5Gcreate2(file, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_make};
       },
       "no dataset of floats or integers in it"},
  };
}

TEST(ForeignHdf5, WhatCannotBeReadIsRefusedWithItsReason) {
  const SharedFolder folder;
  int n = 0;
  for (const auto& bad : refused()) {
    const auto path = folder / (std::to_string(n++) + ".h5");
    make_shared(path, bad.fill);
    EXPECT_EQ(test::error_text<InputError>([&] { (void)checkpoint::read_header(path); }), path.string() + ": " + bad.text) << bad.rule;
  }
  EXPECT_EQ(n, 10);
}

}  // namespace
}  // namespace dare
