/// What files of a model are recognised by their names.

#include "checkpoint/file_names.hpp"

#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace dare::checkpoint {
namespace {

std::vector<std::string_view> compared_files() {
  std::vector<std::string_view> names;
  for (const auto& file : companion_files()) {
    if (file.is_compared) names.push_back(file.name);
  }
  return names;
}

TEST(FileNames, ConfigurationsAndTokenizersOfEveryKindAreCompared) {
  EXPECT_THAT(compared_files(),
              testing::ElementsAre("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
                                   "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
                                   "chat_template.jinja", "chat_template.json", "spiece.model", "sentencepiece.bpe.model"));
}

TEST(FileNames, NotesAndResultsAreNoCompanions) {
  for (const auto* name : {"config.json", "spiece.model", "README.md", ".gitattributes", "adapter_config.json"})
    EXPECT_TRUE(is_companion_file(name)) << name;
  for (const auto* name : {"", "notes.txt", "results.json", "Config.json", "model.safetensors"})
    EXPECT_FALSE(is_companion_file(name)) << name;
}

TEST(FileNames, AModelsFolderIsKnownByAnyOfItsFiles) {
  for (const auto* name : {"config.json", "dare-manifest.json", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json", "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"}) {
    const test::TempFolder folder;
    EXPECT_EQ(model_file_in(folder.path()), "");
    std::ofstream{folder.path() / "README.md"} << "x";
    EXPECT_EQ(model_file_in(folder.path()), "");
    std::ofstream{folder.path() / name} << "x";
    EXPECT_EQ(model_file_in(folder.path()), name);
  }
}

}  // namespace
}  // namespace dare::checkpoint
