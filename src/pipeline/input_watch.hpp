#pragma once
/// Notices inputs that change while they are read.

#include <dare/comm/communicator.hpp>

#include <dare/pipeline/work.hpp>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace dare::pipeline {

/// Remembers size and time of last change of every input file; rank 0 looks, the others trust it.
class InputWatch {
 public:
  InputWatch(const Work& work, const comm::Communicator& world);
  /// @throws InputError  a file is not what it was: what has been read of it may be a mixture.
  void check() const;

 private:
  struct Seen {
    std::filesystem::path path;
    std::uint64_t size = 0;
    std::int64_t changed_ns = 0;
  };
  std::vector<Seen> files_;
};

}  // namespace dare::pipeline
