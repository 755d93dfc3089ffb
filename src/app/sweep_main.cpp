#include "app/sweep_options.hpp"

int main(int argc, char** argv) {
  return dare::app::run_with_mpi(argc, argv, dare::app::sweep_program(),
                                 [](const dare::app::Given& given, const dare::comm::Communicator& world) {
                                   dare::sweep::SweepOptions options;
                                   world.agree([&] { options = dare::app::sweep_options_from(given); });
                                   return dare::sweep::sweep(options, world);
                                 });
}
