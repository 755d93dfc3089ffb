/// The floor under a merge's time: the same ranks read the same bytes and write the same bytes, with no arithmetic, fsync included.
/// usage: mpirun -n N bench-floor OUTPUT BUFFER_BYTES one|each|COUNT late|early INPUT...
/// `one`: all ranks write one file; `each`: a file a rank; COUNT: all ranks write that many files, as a sweep does. `late`: what is written
/// goes to the disk at the fsync; `early`: on the way, as a merge's does. Prints seconds from the first read to the last fsync, over all
/// ranks.

#include <dare/comm/environment.hpp>
#include <dare/core/file.hpp>
#include <dare/core/write_back.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using dare::File;

double run(const std::vector<std::string>& words, const dare::comm::Communicator& world) {
  const std::filesystem::path output{words[0]};
  const auto buffer = static_cast<std::size_t>(std::atoll(words[1].c_str()));
  const bool each = words[2] == "each";
  const auto count = each || words[2] == "one" ? 1 : std::atoi(words[2].c_str());
  const bool early = words[3] == "early";
  std::vector<File> inputs;
  for (std::size_t i = 4; i < words.size(); ++i) inputs.push_back(File::open_read(words[i]));
  const auto size = inputs.front().size();
  const auto rank = static_cast<std::uint64_t>(world.rank());
  const auto ranks = static_cast<std::uint64_t>(world.size());
  const auto begin = size * rank / ranks / 4096 * 4096;
  const auto end = rank + 1 == ranks ? size : size * (rank + 1) / ranks / 4096 * 4096;
  const auto name = [&](int i) { return i == 0 ? output.string() : output.string() + std::to_string(i); };
  for (int i = 0; i < count && !each && world.is_root(); ++i) File::create(name(i)).resize(size);
  MPI_Barrier(world.handle());
  const auto start = std::chrono::steady_clock::now();
  std::vector<File> outputs;
  for (int i = 0; i < count; ++i)
    outputs.push_back(each ? File::create(output.string() + std::to_string(rank)) : File::open_write(name(i)));
  std::vector<std::vector<std::byte>> buffers(inputs.size(), std::vector<std::byte>(buffer));
  dare::WriteBack write_back;
  for (auto at = begin; at < end; at += buffer) {
    const auto n = std::min<std::uint64_t>(buffer, end - at);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].read_at(at, std::span{buffers[i]}.first(n));
    const auto place = each ? at - begin : at;
    for (std::size_t f = 0; f < outputs.size(); ++f) {
      outputs[f].write_at(place, std::span{buffers[0]}.first(n));
      if (early) write_back.wrote(outputs[f].fd(), place, n);
    }
  }
  write_back.end();
  for (auto& out : outputs) out.sync();
  MPI_Barrier(world.handle());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  dare::comm::Environment mpi{argc, argv, "bench-floor"};
  const std::vector<std::string> words(argv + 1, argv + argc);
  return mpi.run([&](const dare::comm::Communicator& world) {
    if (words.size() < 5) {
      throw dare::comm::AgreedError{dare::ExitCode::usage, "usage: bench-floor OUTPUT BUFFER_BYTES one|each|COUNT late|early INPUT..."};
    }
    const auto seconds = run(words, world);
    if (world.is_root()) fmt::print("{:.4f}\n", seconds);
    return 0;
  });
}
