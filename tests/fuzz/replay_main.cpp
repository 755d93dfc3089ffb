// Without libFuzzer: runs the target over files and folders given, and over each file cut at some places.
#include <dare/core/file.hpp>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

int run(const std::filesystem::path& file) {
  constexpr std::size_t k_cuts = 16;
  const auto text = dare::read_text(file);
  int runs = 0;
  for (std::size_t cut = 0; cut <= k_cuts; ++cut, ++runs) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size() * cut / k_cuts);
  }
  return runs;
}

}  // namespace

int main(int argc, char** argv) {
  int runs = 0;
  for (int i = 1; i < argc; ++i) {
    const std::filesystem::path given{argv[i]};
    if (std::filesystem::is_regular_file(given)) runs += run(given);
    if (!std::filesystem::is_directory(given)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{given}) {
      if (entry.is_regular_file()) runs += run(entry.path());
    }
  }
  std::cout << runs << " runs\n";
  return runs > 0 ? 0 : 1;  // a test that ran nothing has failed
}
