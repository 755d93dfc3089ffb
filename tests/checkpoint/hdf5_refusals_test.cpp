#include "checkpoint/foreign_files.hpp"
#include "checkpoint/h5_attributes.hpp"
#include "checkpoint/raw_files.hpp"
#include "checkpoint/sample.hpp"
#include "support/temp_folder.hpp"

#include <dare/checkpoint/link.hpp>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

namespace dare {
namespace {

namespace fs = std::filesystem;

using checkpoint::hdf5::Doing;
using checkpoint::hdf5::H5Dataset;
using checkpoint::hdf5::H5Group;
using checkpoint::hdf5::H5Properties;
using checkpoint::hdf5::H5Space;
using checkpoint::hdf5::put_number;
using checkpoint::hdf5::put_shape;
using checkpoint::hdf5::put_text;

const Doing k_edit{test::k_nowhere, "edit"};

/// An edit of a good file of tensors v and w (F32 [2]) and b (BOOL [3]), and what is said behind the file's name.
struct Edit {
  const char* rule;
  std::function<void(hid_t file)> edit;
  std::string text;
};

void PrintTo(const Edit& edit, std::ostream* out) {
  *out << edit.rule;
}

// Takes the attribute out, then lets `put` write another.
std::function<void(hid_t)> attribute(const char* object, const char* name, const std::function<void(hid_t)>& put = {}) {
  return [=](hid_t file) {
    const checkpoint::hdf5::H5Object opened{H5Oopen(file, object, H5P_DEFAULT), k_edit};
    check(H5Adelete(opened.get(), name), k_edit);
    if (put) put(opened.get());
  };
}

void add_dataset(hid_t file, const char* path, hsize_t bytes, hid_t creation = H5P_DEFAULT) {
  const H5Space space{H5Screate_simple(1, &bytes, nullptr), k_edit};
  const H5Dataset made{H5Dcreate2(file, path, H5T_STD_U8LE, space.get(), H5P_DEFAULT, creation, H5P_DEFAULT), k_edit};
}

H5Properties placed() {
  H5Properties creation{H5Pcreate(H5P_DATASET_CREATE), k_edit};
  check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), k_edit);
  return creation;
}

// A dataset of one virtual part, whose extent HDF5 looks for in `source`.
void add_virtual(hid_t file, const char* path, const fs::path& source) {
  const hsize_t one = 1;
  const hsize_t any = H5S_UNLIMITED;
  const H5Space space{H5Screate_simple(1, &one, &any), k_edit};
  const H5Space part{H5Scopy(space.get()), k_edit};
  const hsize_t start = 0;
  check(H5Sselect_hyperslab(part.get(), H5S_SELECT_SET, &start, nullptr, &any, &one), k_edit);
  const H5Properties creation{H5Pcreate(H5P_DATASET_CREATE), k_edit};
  check(H5Pset_virtual(creation.get(), part.get(), source.c_str(), "/x", part.get()), k_edit);
  const H5Dataset made{H5Dcreate2(file, path, H5T_STD_U8LE, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), k_edit};
}

// Puts a link of that name to another file in the place of what is there.
std::function<void(hid_t)> led_away(const char* name) {
  return [=](hid_t file) {
    if (H5Lexists(file, name, H5P_DEFAULT) > 0) check(H5Ldelete(file, name, H5P_DEFAULT), k_edit);
    check(H5Lcreate_external("other.h5", name, file, name, H5P_DEFAULT, H5P_DEFAULT), k_edit);
  };
}

std::vector<Edit> edits() {
  const std::string again = "; fetch the file again";
  const auto as_text = [](const char* name, const char* text) { return [=](hid_t object) { put_text(object, name, text, k_edit); }; };
  const auto as_number = [](const char* name, std::uint64_t n) { return [=](hid_t object) { put_number(object, name, n, k_edit); }; };
  return {
      {"newer_version", attribute("/", "format_version", as_number("format_version", 2)),
       "format_version 2, this program reads 1; use a newer one"},
      {"no_version", attribute("/", "format_version"), "format_version missing, this program reads 1; use a newer one"},
      {"no_name", attribute("/tensors/w", "name"), "tensor \"w\": attribute name is missing or damaged" + again},
      {"name_is_a_number", attribute("/tensors/w", "name", as_number("name", 1)), "tensor \"w\": attribute name is no text" + again},
      {"name_twice", attribute("/tensors/w", "name", as_text("name", "v")), "tensor \"v\": stands twice in the file" + again},
      {"name_with_nul",
       attribute("/tensors/w", "name",
                 [](hid_t object) {
                   put_text(object, "name", std::string_view{"a\0b", 3}, k_edit);
                 }),
       "tensor \"a\\x00b\": the name is no UTF-8 text without NUL; rename it"},
      {"no_index", attribute("/tensors/w", "index"), "tensor \"w\": attribute index is missing or damaged" + again},
      {"index_is_a_text", attribute("/tensors/w", "index", as_text("index", "12345678")),
       "tensor \"w\": attribute index is no integer" + again},
      {"index_twice", attribute("/tensors/w", "index", as_number("index", 0)),
       "tensor \"w\": index 0, 1 is expected: each from 0 up once" + again},
      {"index_too_large", attribute("/tensors/w", "index", as_number("index", 7)),
       "tensor \"b\": index 2, 1 is expected: each from 0 up once" + again},
      {"unknown_dtype", attribute("/tensors/w", "dtype", as_text("dtype", "F31")), "tensor \"w\": dtype \"F31\" is unknown" + again},
      {"other_dtype", attribute("/tensors/w", "dtype", as_text("dtype", "I32")),
       "tensor \"w\": dtype I32 is stored as a 4-byte float" + again},
      {"no_shape", attribute("/tensors/b", "shape"), "tensor \"b\": attribute shape is missing or of another kind" + again},
      {"other_shape", attribute("/tensors/b", "shape", [](hid_t object) { put_shape(object, "shape", {4}, k_edit); }),
       "tensor \"b\": BOOL [4] is 4 bytes, its dataset [3] of U8 holds 3" + again},
      {"shape_overflows",
       attribute("/tensors/b", "shape",
                 [](hid_t object) {
                   put_shape(object, "shape", {1U << 31U, 1ULL << 33U}, k_edit);
                 }),
       "tensor \"b\": BOOL [2147483648, 8589934592] is no whole number of bytes below 2^60" + again},
      {"no_place",
       [](hid_t file) {
         add_dataset(file, "/tensors/late", 4);
         const H5Dataset late{H5Dopen2(file, "/tensors/late", H5P_DEFAULT), k_edit};
         put_text(late.get(), "name", "late", k_edit);
         put_number(late.get(), "index", 3, k_edit);
         put_text(late.get(), "dtype", "U8", k_edit);
       },
       "tensor \"late\": 4 bytes have no place in the file" + again},
      {"soft_link", [](hid_t file) { check(H5Lcreate_soft("/tensors/w", file, "/tensors/s", H5P_DEFAULT, H5P_DEFAULT), k_edit); },
       "\"s\" is a soft link, the format has none" + again},
      {"external_link", [](hid_t file) { check(H5Lcreate_external("x.h5", "/w", file, "/tensors/e", H5P_DEFAULT, H5P_DEFAULT), k_edit); },
       "\"e\" is a link to another file, which is not followed; copy the weights into one file"},
      {"hard_link", [](hid_t file) { check(H5Lcreate_hard(file, "/tensors/w", file, "/tensors/x", H5P_DEFAULT, H5P_DEFAULT), k_edit); },
       "tensor \"w\": index 1, 2 is expected: each from 0 up once" + again},
      {"cyclic_groups", [](hid_t file) { check(H5Lcreate_hard(file, "/tensors", file, "/tensors/up", H5P_DEFAULT, H5P_DEFAULT), k_edit); },
       "group \"up\" is one that was met before, the format has no cycles" + again},
      {"side_file_out_of_the_folder", [](hid_t file) { add_dataset(file, "/files/..", 4); },
       "\"files/..\" is no name for a file beside the weights" + again},
      {"side_file_hidden", [](hid_t file) { add_dataset(file, "/files/.bashrc", 4); },
       "\"files/.bashrc\" is no name for a file beside the weights" + again},
      {"side_file_for_weights", [](hid_t file) { add_dataset(file, "/files/model.safetensors", 4); },
       "\"files/model.safetensors\" is no name for a file beside the weights" + again},
      {"side_file_that_a_run_writes", [](hid_t file) { add_dataset(file, "/files/dare-manifest.json", 4); },
       "\"files/dare-manifest.json\" is no name for a file beside the weights" + again},
      {"side_file_for_other_weights", [](hid_t file) { add_dataset(file, "/files/pytorch_model.bin", 4); },
       "\"files/pytorch_model.bin\" is no name for a file beside the weights" + again},
      {"side_file_is_a_link", [](hid_t file) { check(H5Lcreate_soft("/metadata", file, "/files/s", H5P_DEFAULT, H5P_DEFAULT), k_edit); },
       "\"files/s\" is a soft or external link, the format has none" + again},
      {"side_file_never_written", [](hid_t file) { add_dataset(file, "/files/a.txt", 4); },
       "\"files/a.txt\" has 4 bytes, 0 are stored, less than one for 100" + again},
      {"side_file_of_unwritten_chunks",
       [](hid_t file) {
         const H5Properties creation{H5Pcreate(H5P_DATASET_CREATE), k_edit};
         const hsize_t extent = 1U << 20U;
         check(H5Pset_chunk(creation.get(), 1, &extent), k_edit);
         check(H5Pset_deflate(creation.get(), 9), k_edit);
         add_dataset(file, "/files/a.txt", hsize_t{200} << 20U, creation.get());
       },
       "\"files/a.txt\" has 209715200 bytes, 0 are stored, less than one for 100" + again},
      {"side_file_in_another_file",
       [](hid_t file) {
         const H5Properties creation{H5Pcreate(H5P_DATASET_CREATE), k_edit};
         check(H5Pset_external(creation.get(), "/etc/hostname", 0, 4), k_edit);
         add_dataset(file, "/files/a.txt", 4, creation.get());
       },
       "\"files/a.txt\" lies in another file, only tensors may" + again},
      {"side_file_huge", [](hid_t file) { add_dataset(file, "/files/a.txt", 256'000'001, placed().get()); },
       "\"files/a.txt\" has 256000001 bytes, at most 256000000 are read"},
      {"tensors_in_another_file", led_away("tensors"), "\"tensors\" is a soft or external link, the format has none" + again},
      {"metadata_in_another_file", led_away("metadata"), "\"metadata\" is a soft or external link, the format has none" + again},
      {"side_files_in_another_file", led_away("files"), "\"files\" is a soft or external link, the format has none" + again},
      {"source_in_another_file", led_away("source"), "\"source\" is a soft or external link, the format has none" + again},
      {"tensors_by_another_name",
       [](hid_t file) {
         check(H5Lmove(file, "tensors", file, "t", H5P_DEFAULT, H5P_DEFAULT), k_edit);
         check(H5Lcreate_soft("/t", file, "tensors", H5P_DEFAULT, H5P_DEFAULT), k_edit);
       },
       "\"tensors\" is a soft or external link, the format has none" + again},
      {"metadata_no_json",
       [](hid_t file) {
         check(H5Ldelete(file, "metadata", H5P_DEFAULT), k_edit);
         add_dataset(file, "metadata", 2, placed().get());
       },
       "/metadata is no JSON object of texts" + again},
      {"metadata_huge",
       [](hid_t file) {
         check(H5Ldelete(file, "metadata", H5P_DEFAULT), k_edit);
         add_dataset(file, "metadata", hsize_t{1} << 40U);
       },
       "\"metadata\" has 1099511627776 bytes, at most 1073741824 are read"},
      {"metadata_is_a_group",
       [](hid_t file) {
         check(H5Ldelete(file, "metadata", H5P_DEFAULT), k_edit);
         const H5Group made{H5Gcreate2(file, "metadata", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_edit};
       },
       "HDF5 cannot read \"metadata\": not a dataset; the file is damaged or incomplete: fetch it again"},
      {"no_tensors", [](hid_t file) { check(H5Ldelete(file, "tensors", H5P_DEFAULT), k_edit); },
       "HDF5 cannot open group \"tensors\": object 'tensors' doesn't exist; the file is damaged or incomplete: fetch it again"},
  };
}

class Edited : public testing::TestWithParam<Edit> {};

TEST_P(Edited, IsRefusedWithItsReason) {
  const test::TempFolder folder;
  const auto path = folder / "w.h5";
  checkpoint::OutputSpec spec;
  spec.tensors = {{"v", Dtype::f32, {2}}, {"w", Dtype::f32, {2}}, {"b", Dtype::boolean, {3}}};
  spec.metadata = R"({"format":"pt"})";
  spec.side_files.push_back({"config.json", {}});
  test::write_checkpoint(path, spec);
  EXPECT_EQ(checkpoint::read_header(path).tensors.size(), 3U) << "good before";
  {
    const checkpoint::hdf5::H5File file{H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), k_edit};
    GetParam().edit(file.get());
  }
  EXPECT_EQ(test::error_text<InputError>([&] { (void)checkpoint::read_header(path); }), path.string() + ": " + GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Rules, Edited, testing::ValuesIn(edits()),
                         [](const testing::TestParamInfo<Edit>& edit) { return std::string{edit.param.rule}; });

class Damaged : public testing::Test {
 protected:
  bool reads(const std::string& bytes) {
    test::write_file(path_, bytes);
    return reads();
  }
  // Reads all but the weights; a failure must be an error of ours with the file's name.
  bool reads() {
    try {
      const auto header = checkpoint::read_header(path_);
      for (const auto& name : header.side_files) (void)checkpoint::read_side_file(header, name);
      return true;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::StartsWith(path_.string() + ": "));
      return false;
    }
  }
  void edit(const std::string& bytes, const std::function<void(hid_t file)>& change) {
    test::write_file(path_, bytes);
    const checkpoint::hdf5::H5File file{H5Fopen(path_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), k_edit};
    change(file.get());
  }
  std::string good() {
    checkpoint::OutputSpec spec;
    spec.tensors = {{"a/v", Dtype::f32, {2}}, {"a/w", Dtype::bf16, {2, 3}}, {"b", Dtype::boolean, {3}}};
    spec.metadata = R"({"format":"pt"})";
    spec.side_files.push_back({"config.json", test::pattern(0, 20)});
    test::write_checkpoint(folder_ / "good.h5", spec);
    return test::file_text(folder_ / "good.h5");
  }

  test::TempFolder folder_;
  fs::path path_ = folder_ / "w.h5";
};

TEST_F(Damaged, EveryTruncationIsRefused) {
  const auto bytes = good();
  ASSERT_TRUE(reads(bytes));
  for (std::size_t length = 0; length < bytes.size(); length += 31) EXPECT_FALSE(reads(bytes.substr(0, length))) << length;
  EXPECT_FALSE(reads(bytes.substr(0, bytes.size() - 1)));
}

TEST_F(Damaged, NoChangedByteGoesUnnoticedOrCrashes) {
  const auto bytes = good();
  test::write_file(path_, bytes);
  auto file = File::open_write(path_);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = static_cast<std::byte>(bytes[at]);
    const auto changed = byte ^ static_cast<std::byte>(1U << at % 8);
    file.write_at(at, {&changed, 1});
    if (!reads()) ++refused;
    file.write_at(at, {&byte, 1});
  }
  EXPECT_TRUE(reads());
  EXPECT_GT(refused, 300U) << "of " << bytes.size() / 3;
}

// Files of the older format, which other programs write, have no checksums: much is read as it stands. No enumeration is among them: HDF5
// 1.10.8 itself reads behind the values of a damaged one (harmless as measured, and an error under AddressSanitizer).
TEST_F(Damaged, ChangedBytesOfForeignFilesNeverCrash) {
  test::make(path_, test::add_all_kinds);
  const auto bytes = test::file_text(path_);
  auto file = File::open_write(path_);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = static_cast<std::byte>(bytes[at]);
    if (byte == std::byte{0} && at % 5 != 0) continue;
    const auto changed = byte ^ static_cast<std::byte>(1U << at % 8);
    file.write_at(at, {&changed, 1});
    if (!reads()) ++refused;
    file.write_at(at, {&byte, 1});
  }
  EXPECT_GT(refused, 50U);
}

TEST_F(Damaged, OtherFilesAreToldFromHdf5) {
  const auto text = [&](const std::string& bytes) {
    test::write_file(path_, bytes);
    return test::error_text<InputError>([&] { (void)checkpoint::read_header(path_); });
  };
  EXPECT_EQ(text(""), path_.string() + ": empty; fetch the file again");
  EXPECT_EQ(text("some text"), path_.string() + ": no HDF5 file: its signature is not there (9 bytes); fetch the file again");
  EXPECT_EQ(text("PK\3\4 and more"), path_.string() + ": a zip archive, not HDF5; unpack it and give the .h5 file in it");
}

// HDF5 opens the files of a virtual dataset when it is asked for its extent: a pipe would keep it for ever.
TEST_F(Damaged, NoFileOfAVirtualDatasetIsOpened) {
  const auto pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto own = good();
  const auto expect_refusal = [&](const char* name) {
    ::alarm(30);
    EXPECT_EQ(test::error_text<InputError>([&] { (void)checkpoint::read_header(path_); }),
              path_.string() + ": dataset \"" + name +
                  "\" is a virtual dataset, which parallel HDF5 cannot read; copy it with `h5repack -l CONTI`");
    ::alarm(0);
  };
  test::make(path_, [&](hid_t file) { add_virtual(file, "w", pipe); });
  expect_refusal("w");
  for (const auto* name : {"metadata", "files/config.json"}) {
    edit(own, [&](hid_t file) {
      check(H5Ldelete(file, name, H5P_DEFAULT), k_edit);
      add_virtual(file, name, pipe);
    });
    expect_refusal(name);
  }
  edit(own, [&](hid_t file) {
    add_virtual(file, "tensors/w", pipe);
    const H5Dataset made{H5Dopen2(file, "tensors/w", H5P_DEFAULT), k_edit};
    put_text(made.get(), "name", "w", k_edit);
    put_number(made.get(), "index", 3, k_edit);
    put_text(made.get(), "dtype", "U8", k_edit);
  });
  expect_refusal("w");
}

TEST_F(Damaged, SideFilesThatShareTheirBytesAreNotMoreThanTheFile) {
  edit(good(), [](hid_t file) {
    add_dataset(file, "/files/a0", 100'000, placed().get());
    for (const auto* name : {"/files/a1", "/files/a2"}) {
      check(H5Lcreate_hard(file, "/files/a0", file, name, H5P_DEFAULT, H5P_DEFAULT), k_edit);
    }
  });
  EXPECT_EQ(test::error_text<InputError>([&] { (void)checkpoint::read_header(path_); }),
            path_.string() + ": /files takes 300020 bytes of a file of " + std::to_string(fs::file_size(path_)) + "; fetch the file again");
}

// HDF5 takes the name "e/w" of a damaged group for a path: by the link e out of the file.
TEST_F(Damaged, ANameOfALinkIsNoPath) {
  test::make(path_, [](hid_t file) {
    test::add(file, "e+w", H5T_IEEE_F32LE, {2});
    check(H5Lcreate_soft("/", file, "e", H5P_DEFAULT, H5P_DEFAULT), k_edit);
    test::add(file, "w", H5T_IEEE_F32LE, {2});
  });
  auto bytes = test::file_text(path_);
  bytes.at(bytes.find("e+w") + 1) = '/';
  test::write_file(path_, bytes);
  EXPECT_EQ(test::error_text<InputError>([&] { (void)checkpoint::read_header(path_); }),
            path_.string() + ": group \"/\" has a link \"e/w\", which is no name; fetch the file again");
}

// HDF5 copies an extent's bytes from the dataset's description, however few are there.
TEST_F(Damaged, ACompactDatasetHoldsItsExtent) {
  test::make(path_, [](hid_t file) {
    const H5Properties compact{H5Pcreate(H5P_DATASET_CREATE), k_edit};
    check(H5Pset_layout(compact.get(), H5D_COMPACT), k_edit);
    test::add(file, "w", H5T_IEEE_F64LE, {100}, compact.get());
  });
  auto bytes = test::file_text(path_);
  const std::string layout{"\3\0\x20\3", 4};  // version 3, compact, 800 bytes
  ASSERT_NE(bytes.find(layout), std::string::npos);
  bytes.replace(bytes.find(layout), 4, std::string{"\3\0\x08\0", 4});
  test::write_file(path_, bytes);
  EXPECT_EQ(test::error_text<InputError>([&] { (void)checkpoint::read_header(path_); }),
            path_.string() + ": dataset \"w\" has 100 elements, 8 bytes are stored; fetch the file again");
}

class View : public testing::Test {
 protected:
  View() {
    checkpoint::OutputSpec spec;
    spec.tensors = {{"w", Dtype::f32, {2}}};
    test::write_checkpoint(target_, spec);
    checkpoint::create_link_view(view_, checkpoint::read_header(target_));
  }
  std::string refusal() {
    return test::error_text<InputError>([&] { (void)checkpoint::read_header(view_); });
  }
  std::string is_a_view_of(const std::string& rest) { return view_.string() + ": is a view of " + target_.string() + rest; }

  test::TempFolder folder_;
  fs::path target_ = folder_ / "w.safetensors";
  fs::path view_ = folder_ / "w.h5";
};

TEST_F(View, MovesWithItsFiles) {
  fs::create_directory(folder_ / "elsewhere");
  for (const auto* name : {"w.safetensors", "w.h5"}) fs::rename(folder_ / name, folder_ / "elsewhere" / name);
  const auto header = checkpoint::read_header(folder_ / "elsewhere/w.h5");
  EXPECT_EQ(header.files.at(1).path, folder_ / "elsewhere/w.safetensors");
  EXPECT_EQ(header.tensors.at(0).file, 1U);
  EXPECT_EQ(header.tensors[0].offset, fs::file_size(header.files[1].path) - 8);
}

TEST_F(View, TargetGone) {
  fs::remove(target_);
  EXPECT_EQ(refusal(), is_a_view_of(", which is not there; move both together, or make the view again"));
}

TEST_F(View, TargetOfAnotherSize) {
  const auto size = fs::file_size(target_);
  fs::resize_file(target_, size + 1);
  EXPECT_EQ(refusal(),
            is_a_view_of(", which had " + std::to_string(size) + " bytes and has " + std::to_string(size + 1) + "; make the view again"));
}

TEST_F(View, TargetWithAnotherHeader) {
  auto bytes = test::file_text(target_);
  const auto before = to_hex(checkpoint::read_header(target_).files.at(0).header_hash);
  bytes.replace(bytes.find("\"w\""), 3, "\"v\"");
  test::write_file(target_, bytes);
  const auto after = to_hex(checkpoint::read_header(target_).files.at(0).header_hash);
  EXPECT_EQ(refusal(), is_a_view_of(", whose header had the hash " + before + " and has " + after + "; make the view again"));
}

TEST_F(View, OtherWeightsOfTheSameHeaderAreRead) {
  auto bytes = test::file_text(target_);
  bytes.back() = 'x';
  test::write_file(target_, bytes);
  EXPECT_EQ(refusal(), "");
}

TEST_F(View, OfAnythingButSafetensorsIsRefused) {
  EXPECT_EQ(test::error_text<UsageError>([&] { checkpoint::create_link_view(folder_ / "x.h5", checkpoint::read_header(view_)); }),
            view_.string() + ": a link view is made over safetensors files only; convert it without --link");
}

TEST_F(View, ThatPointsElsewhereIsRefused) {
  {
    const checkpoint::hdf5::H5File file{H5Fopen(view_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), k_edit};
    attribute("/source/w.safetensors", "path", [&](hid_t object) { put_text(object, "path", target_.string(), k_edit); })(file.get());
  }
  EXPECT_EQ(refusal(), view_.string() + ": is a view of \"" + target_.string() + "\", which is no relative path; make the view again");
  {
    const checkpoint::hdf5::H5File file{H5Fopen(view_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), k_edit};
    attribute("/source/w.safetensors", "path", [&](hid_t object) { put_text(object, "path", "./w.safetensors", k_edit); })(file.get());
  }
  EXPECT_EQ(refusal(),
            view_.string() + ": tensor \"w\": lies in \"w.safetensors\", which is none of the view's source files; fetch the file again");
}

TEST_F(View, BytesFromTheBeginOnAreWithinTheTarget) {
  {
    const checkpoint::hdf5::H5File file{H5Fopen(view_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), k_edit};
    check(H5Ldelete(file.get(), "tensors/w", H5P_DEFAULT), k_edit);
    const H5Properties outside{H5Pcreate(H5P_DATASET_CREATE), k_edit};
    check(H5Pset_external(outside.get(), "w.safetensors", 0, 1'000), k_edit);
    add_dataset(file.get(), "tensors/w", 1'000, outside.get());
    const H5Dataset made{H5Dopen2(file.get(), "tensors/w", H5P_DEFAULT), k_edit};
    put_text(made.get(), "name", "w", k_edit);
    put_number(made.get(), "index", 0, k_edit);
    put_text(made.get(), "dtype", "U8", k_edit);
  }
  EXPECT_EQ(refusal(), view_.string() + ": tensor \"w\": 1000 bytes at offset 0 end behind the file's " +
                           std::to_string(fs::file_size(target_)) + "; fetch the file again");
}

}  // namespace
}  // namespace dare
