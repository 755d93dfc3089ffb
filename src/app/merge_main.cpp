#include "app/merge_options.hpp"

int main(int argc, char** argv) {
  return dare::app::run_with_mpi(argc, argv, dare::app::merge_program(),
                                 [](const dare::app::Given& given, const dare::comm::Communicator& world) {
                                   dare::pipeline::MergeOptions options;
                                   world.agree([&] { options = dare::app::merge_options_from(given); });
                                   return dare::pipeline::merge(options, world);
                                 });
}
