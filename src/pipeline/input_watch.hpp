#pragma once
/// Notices inputs that change between the reading of their headers and the end of the run.

#include <dare/comm/communicator.hpp>
#include <dare/pipeline/work.hpp>

namespace dare::pipeline {

/// Rank 0 looks, the others trust it. Collective.
/// @throws comm::AgreedError  an input file is not what it was: what has been read of it may be a mixture.
void check_unchanged(const Work& work, const comm::Communicator& world);

}  // namespace dare::pipeline
