# Every library the project uses, found once. All are in Debian 12.
find_package(MPI 3.1 REQUIRED COMPONENTS CXX)

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 REQUIRED COMPONENTS C)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "The HDF5 found (${HDF5_C_LIBRARIES}) has no MPI support. Install a parallel build, "
                      "e.g. libhdf5-openmpi-dev, or set HDF5_ROOT to one.")
endif()

find_package(Boost 1.74 REQUIRED COMPONENTS program_options random)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(hwy REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
# Where the library chooses its instructions at run time (x86, if it was built so), hashing is several times as fast.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES PkgConfig::xxhash)
check_cxx_source_compiles("#include <xxh_x86dispatch.h>
int main() { return XXH3_64bits(nullptr, 0) == 0; }" DARE_XXHASH_DISPATCH)
unset(CMAKE_REQUIRED_LIBRARIES)
pkg_check_modules(nlohmann_json REQUIRED IMPORTED_TARGET nlohmann_json)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
# Without it dare-score shuts generated programs in less well, and says so.
pkg_check_modules(libseccomp IMPORTED_TARGET libseccomp)
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
