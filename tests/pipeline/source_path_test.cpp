#include "pipeline/source_path.hpp"

#include "support/errors.hpp"
#include "support/temp_folder.hpp"

#include <dare/core/error.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace dare::pipeline {
namespace {

namespace fs = std::filesystem;

std::string told(const recipe::Source& source) {
  return test::error_text<InputError>([&] { check_source(source); });
}

// As the command line takes it.
std::string told(const std::string& written) {
  return told(recipe::Source{written, written});
}

TEST(SourcePath, WhatIsThereIsTaken) {
  const test::TempFolder folder;
  std::ofstream{folder.path() / "m.safetensors"} << "x";
  EXPECT_EQ(told(folder.path().string()), "");
  EXPECT_EQ(told((folder.path() / "m.safetensors").string()), "");
}

TEST(SourcePath, NothingThere) {
  EXPECT_EQ(told("/no/such/math"), "/no/such/math: no such file or folder");
  EXPECT_EQ(told("no-such-math"), "no-such-math: no such file or folder");
  EXPECT_EQ(told("no-such/math.safetensors"), "no-such/math.safetensors: no such file or folder");
  EXPECT_EQ(told(recipe::Source{"recipes/no-math", "no-math"}),
            "recipes/no-math: no such file or folder (\"no-math\", relative to the recipe's folder)");
}

TEST(SourcePath, TheFolderThatWasLookedInIsNamed) {
  try {
    check_source(recipe::Source{"there/no-math", "no-math"}, "there");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "there/no-math: no such file or folder (\"no-math\", relative to there)");
  }
}

TEST(SourcePath, ANameOnTheHub) {
  EXPECT_EQ(told("no-such-org/Math-7B-v0.1"),
            "no-such-org/Math-7B-v0.1: no such file or folder; if it is a name on the Hub, download it first: hf download "
            "no-such-org/Math-7B-v0.1 --local-dir no-such-org/Math-7B-v0.1");
  EXPECT_EQ(
      told(recipe::Source{"recipes/no-such-org/math", "no-such-org/math"}),
      "recipes/no-such-org/math: no such file or folder (\"no-such-org/math\", relative to the recipe's folder); if it is a name on the "
      "Hub, download it first: hf download no-such-org/math --local-dir recipes/no-such-org/math");
}

TEST(SourcePath, NoNameOnTheHub) {
  const test::TempFolder folder;
  fs::create_directory(folder.path() / "models");
  const auto path = folder.path() / "models" / "math";
  EXPECT_EQ(told(recipe::Source{path, "models/math"}),
            path.string() + ": no such file or folder (\"models/math\", relative to the recipe's folder)");
  for (const std::string other : {"./no-such", "../no-such/math", "no-such/a/b", "no-such/", "no such/math"}) {
    EXPECT_EQ(told(other), other + ": no such file or folder");
  }
}

TEST(SourcePath, AModelWithAnAdapterAsMergekitWritesIt) {
  EXPECT_EQ(
      told("math+lora"),
      "math+lora: no such file or folder; mergekit's MODEL+ADAPTER is not read: where math is the base, give lora alone as the model; "
      "else merge the two first (dare-merge --method task_arithmetic --base math --model lora OUTPUT) and give that output");
  EXPECT_EQ(told("math+"), "math+: no such file or folder");
}

TEST(SourcePath, AFileOfAFolder) {
  const test::TempFolder folder;
  const auto at = [&](const std::string& name) {
    std::ofstream{folder.path() / name} << "x";
    return (folder.path() / name).string();
  };
  EXPECT_EQ(told(at("adapter_model.safetensors")), "");  // alone it may be any model
  (void)at("adapter_config.json");
  EXPECT_EQ(told(at("adapter_model.safetensors")),
            at("adapter_model.safetensors") + ": the factors of a LoRA adapter, which mean nothing without its adapter_config.json; give " +
                "their folder, " + folder.path().string());
  EXPECT_EQ(told(at("model.safetensors.index.json")),
            at("model.safetensors.index.json") + ": no weights; give the model's folder, " + folder.path().string());
}

TEST(SourcePath, OneShardOfSeveral) {
  const test::TempFolder folder;
  const auto at = [&](const std::string& name) {
    std::ofstream{folder.path() / name} << "x";
    return (folder.path() / name).string();
  };
  for (const std::string name : {"model-00001-of-00004.safetensors", "pytorch_model-00002-of-00004.bin"}) {
    const auto file = at(name);
    EXPECT_EQ(told(file),
              file + ": one of 4 shards, which would be merged without the others; give their folder, " + folder.path().string());
  }
  for (const std::string name : {"model-00001-of-00001.safetensors", "best-of-7.safetensors", "2-of-hearts.h5", "model.safetensors"}) {
    EXPECT_EQ(told(at(name)), "") << name;
  }
  fs::create_directory(folder.path() / "x-1-of-2.bin");
  EXPECT_EQ(told((folder.path() / "x-1-of-2.bin").string()), "");
}

}  // namespace
}  // namespace dare::pipeline
