#pragma once
/// What the tests of recipes share: headers without files, and errors as text.

#include "support/errors.hpp"

#include <dare/checkpoint/header.hpp>
#include <dare/recipe/job.hpp>
#include <dare/recipe/model_config.hpp>
#include <dare/recipe/recipe.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace dare::test {

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
};

inline checkpoint::Header header(const std::string& root, const std::vector<Tensor>& tensors) {
  checkpoint::Header header;
  header.root = root;
  for (const auto& tensor : tensors) {
    checkpoint::TensorInfo info;
    info.name = tensor.name;
    info.dtype = tensor.dtype;
    info.shape = tensor.shape;
    info.elements = *checked_elements(tensor.shape);
    info.bytes = bytes_for(tensor.dtype, info.elements).value_or(0);
    header.tensors.push_back(std::move(info));
  }
  return header;
}

/// A config.json in a folder of its own: what says whether weights are tied.
class Config {
 public:
  explicit Config(const std::string& text) {
    std::filesystem::create_directories(folder_);
    std::ofstream{folder_ / "config.json"} << text;
  }
  ~Config() { std::filesystem::remove_all(folder_); }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  void beside(checkpoint::Header& header) const {
    header.side_files = {"config.json"};
    header.folder = folder_;
    recipe::note_config(header);
  }

 private:
  std::filesystem::path folder_ = testing::TempDir() + "config-" + std::to_string(::getpid());
};

inline recipe::Recipe parsed(const std::string& yaml, const recipe::Overrides& overrides = {}) {
  return recipe::parse(yaml, "r.yml", "folder", overrides);
}

inline std::string parse_error(const std::string& yaml, const recipe::Overrides& overrides = {}) {
  return error_of([&] { (void)parsed(yaml, overrides); });
}

/// A recipe of one model with `lines` below it; its own keys take lines 1 to 3.
inline std::string with(const std::string& lines) {
  return "merge_method: dare_linear\nbase_model: b\nmodels: [{model: m, parameters: {drop_rate: 0.5}}]\n" + lines;
}

/// Whether the table of methods has that row; a test of it is skipped otherwise.
inline bool has_method(const std::string& name) {
  return merge::find_method(name) != nullptr;
}

}  // namespace dare::test
