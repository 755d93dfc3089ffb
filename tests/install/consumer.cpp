// Counts what each rank's share of a tensor loses at a drop rate, and lists a checkpoint: uses each kind of header of the library.
#include <dare/checkpoint/header.hpp>
#include <dare/comm/environment.hpp>
#include <dare/core/error.hpp>
#include <dare/random/drop_stream.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  dare::comm::Environment mpi{argc, argv, "consumer"};
  return mpi.run([&](const dare::comm::Communicator& world) {
    const auto header = dare::checkpoint::read_header(argv[1]);
    const auto& tensor = header.tensors.front();
    const dare::random::DropStream stream{42, 0, tensor.name};
    const auto threshold = dare::random::drop_threshold(0.9);
    const auto ranks = static_cast<std::uint64_t>(world.size());
    std::uint64_t dropped = 0;
    for (auto e = static_cast<std::uint64_t>(world.rank()); e < tensor.elements; e += ranks)
      dropped += stream.dropped(e, threshold) ? 1 : 0;
    std::uint64_t all = 0;
    for (const auto share : world.all_gather(dropped)) all += share;
    if (world.is_root())
      std::printf("%s %llu of %llu\n", tensor.name.c_str(), static_cast<unsigned long long>(all),
                  static_cast<unsigned long long>(tensor.elements));
    return static_cast<int>(dare::ExitCode::done);
  });
}
