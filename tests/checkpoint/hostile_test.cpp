#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <dare/checkpoint/delta.hpp>
#include <dare/checkpoint/header.hpp>
#include <dare/core/error.hpp>
#include <dare/core/file.hpp>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace dare::checkpoint {
namespace {

namespace fs = std::filesystem;

std::string refusal(const fs::path& path) {
  return test::error_text<InputError>([&] {
    auto header = read_header(path);
    if (is_delta(header)) static_cast<void>(unpacked(std::move(header)));
  });
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

// "*" stands for a library's own words, which differ from version to version.
bool matches(const std::string& text, const std::string& pattern) {
  const auto star = pattern.find('*');
  if (star == std::string::npos) return text == pattern;
  const auto tail = pattern.substr(star + 1);
  return text.size() >= star + tail.size() && text.starts_with(pattern.substr(0, star)) && text.ends_with(tail);
}

TEST(Hostile, EachFileIsRefusedWithItsMessage) {
  const auto root = fs::canonical(fs::path{DARE_TEST_DATA} / "hostile");
  const auto expected = nlohmann::json::parse(read_text(root / "expected.json"));
  ASSERT_GE(expected.size(), 100U);
  for (const auto& [name, message] : expected.items()) {
    const auto path = root / name;
    ASSERT_TRUE(fs::exists(fs::symlink_status(path))) << path;
    auto pattern = message.get<std::string>();
    replace_all(pattern, "{}", path.string());
    replace_all(pattern, "{/}", root.string());
    const auto text = refusal(path);
    EXPECT_TRUE(matches(text, pattern)) << name << "\n  is:   " << text << "\n  want: " << pattern;
  }
}

TEST(Hostile, OpeningAPipeDoesNotWait) {
  const test::TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "model.safetensors").c_str(), 0600), 0);
  EXPECT_EQ(refusal(folder.path()), (folder / "model.safetensors").string() + ": no regular file; put the file itself there");
}

TEST(Hostile, LinksOfTheHubsCacheAreFollowed) {
  const test::TempFolder cache;
  const auto snapshot = cache / "snapshots" / "0123abcd";
  fs::create_directories(snapshot);
  fs::create_directories(cache / "blobs");
  fs::copy_file(fs::path{DARE_TEST_DATA} / "pytorch/single/pytorch_model.bin", cache / "blobs" / "4567");
  fs::create_symlink("../../blobs/4567", snapshot / "pytorch_model.bin");
  EXPECT_EQ(read_header(snapshot).tensors.size(), 1U);
  fs::create_directories(cache / "elsewhere");
  fs::copy_file(cache / "blobs" / "4567", cache / "elsewhere" / "config.json");
  fs::create_symlink("../../elsewhere/config.json", snapshot / "config.json");
  EXPECT_EQ(refusal(snapshot), (snapshot / "config.json").string() + ": a symbolic link out of its folder, to " +
                                   fs::canonical(cache / "elsewhere" / "config.json").string() + "; put the file itself there");
}

}  // namespace
}  // namespace dare::checkpoint
