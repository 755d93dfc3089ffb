/// What is said of files beside the weights of models.

#include "pipeline/input_side_files.hpp"

#include "support/temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

namespace dare::pipeline {
namespace {

// A folder's header, as far as it tells of files beside weights. @param files  name to content
checkpoint::Header folder_with(const std::filesystem::path& folder, const std::map<std::string, std::string>& files) {
  std::filesystem::create_directory(folder);
  checkpoint::Header header;
  header.root = header.folder = folder;
  for (const auto& [name, content] : files) {
    std::ofstream{folder / name} << content;
    header.side_files.push_back(name);
  }
  return header;
}

std::vector<std::string> notes_on(const std::map<std::string, std::string>& base, const std::map<std::string, std::string>& model) {
  const test::TempFolder folder;
  Sources sources;
  sources.frame = folder_with(folder.path() / "b", base);
  sources.models.push_back(folder_with(folder.path() / "m", model));
  auto notes = side_file_notes(sources, {});
  for (auto& note : notes) note = note.substr(note.find("yourself: ") + 10);
  return notes;
}

TEST(InputSideFiles, TokenizersOfSentencePieceAreComparedUnderAllTheirNames) {
  for (const std::string name : {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"}) {
    EXPECT_THAT(notes_on({{name, "a"}}, {{name, "a"}}), testing::IsEmpty());
    EXPECT_THAT(notes_on({{name, "a"}}, {{name, "b"}}), testing::ElementsAre(name));
    EXPECT_THAT(notes_on({{"config.json", "{}"}}, {{name, "b"}}), testing::ElementsAre(name + " (only there)"));
  }
}

TEST(InputSideFiles, WhatTellsAboutAModelMayDiffer) {
  for (const std::string name : {"README.md", "LICENSE", "preprocessor_config.json", "quantize_config.json", "notes.txt"})
    EXPECT_THAT(notes_on({{"config.json", "{}"}, {name, "a"}}, {{name, "b"}}), testing::IsEmpty()) << name;
}

TEST(InputSideFiles, FilesAreNamedInTheTablesOrder) {
  EXPECT_THAT(notes_on({{"config.json", R"({"a": 1})"}, {"merges.txt", "a"}, {"vocab.json", "{}"}},
                       {{"config.json", R"({"a": 2})"}, {"merges.txt", "b"}, {"vocab.json", R"({"x": 1})"}}),
              testing::ElementsAre("config.json (a), vocab.json (x), merges.txt"));
}

}  // namespace
}  // namespace dare::pipeline
