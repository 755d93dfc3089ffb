#include "pipeline/input_watch.hpp"

namespace dare::pipeline {

void check_unchanged(const Work& work, const comm::Communicator& world) {
  world.agree([&] {
    if (!world.is_root()) return;
    for (std::size_t i = 0; i < work.inputs(); ++i) checkpoint::check_unchanged(work.input(i));
  });
}

}  // namespace dare::pipeline
