# Every library the project uses, found once; what is missing of them is told at once. All are in Debian 12.
set(dare_missing "")
# dare_need(FOUND NAME PACKAGE): notes NAME and the Debian package that has it, unless the variable FOUND is true.
macro(dare_need found name package)
  if(NOT ${found})
    list(APPEND dare_missing "${name} (Debian: ${package})")
  endif()
endmacro()

find_package(MPI 3.1 COMPONENTS CXX)
dare_need(MPI_FOUND "an MPI library, version 3.1 or later" libopenmpi-dev)

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 COMPONENTS C)
if(HDF5_FOUND AND NOT HDF5_IS_PARALLEL)
  list(APPEND dare_missing "HDF5 with MPI (Debian: libhdf5-openmpi-dev): ${HDF5_C_LIBRARIES} has none; set HDF5_ROOT to a parallel build")
else()
  dare_need(HDF5_FOUND "HDF5 with MPI" libhdf5-openmpi-dev)
endif()

find_package(Boost 1.74 COMPONENTS program_options random)
dare_need(Boost_FOUND "Boost 1.74 or later with Program_options and Random" "libboost-dev libboost-program-options-dev libboost-random-dev")
find_package(Eigen3 3.4 QUIET NO_MODULE)
dare_need(Eigen3_FOUND "Eigen 3.4" libeigen3-dev)
find_package(hwy QUIET)
dare_need(hwy_FOUND "Highway" libhwy-dev)
find_package(yaml-cpp QUIET)
dare_need(yaml-cpp_FOUND "yaml-cpp" libyaml-cpp-dev)
find_package(fmt QUIET)
dare_need(fmt_FOUND "fmt" libfmt-dev)
find_package(ZLIB)
dare_need(ZLIB_FOUND "zlib" zlib1g-dev)
find_package(PkgConfig)
if(PkgConfig_FOUND)
  pkg_check_modules(xxhash IMPORTED_TARGET "libxxhash>=0.8")  # XXH3 gives its final hashes from there on
  pkg_check_modules(nlohmann_json IMPORTED_TARGET nlohmann_json)
  pkg_check_modules(libzip IMPORTED_TARGET libzip)
  # Without it dare-score shuts generated programs in less well, and says so.
  pkg_check_modules(libseccomp IMPORTED_TARGET libseccomp)
  dare_need(xxhash_FOUND "xxHash 0.8 or later" libxxhash-dev)
  dare_need(nlohmann_json_FOUND "nlohmann-json" nlohmann-json3-dev)
  dare_need(libzip_FOUND "libzip" libzip-dev)
else()
  list(APPEND dare_missing "pkg-config, by which xxHash, nlohmann-json and libzip are found (Debian: pkg-config libxxhash-dev nlohmann-json3-dev libzip-dev)")
endif()

if(dare_missing)
  list(JOIN dare_missing "\n  " dare_missing)
  message(FATAL_ERROR "Not found:\n  ${dare_missing}\n"
                      "Install these, or name where they are in CMAKE_PREFIX_PATH and, for pkg-config's, PKG_CONFIG_PATH (packaging/README.md).")
endif()

# Where the library chooses its instructions at run time (x86, if it was built so), hashing is several times as fast.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES PkgConfig::xxhash)
check_cxx_source_compiles("#include <xxh_x86dispatch.h>
int main() { return XXH3_64bits(nullptr, 0) == 0; }" DARE_XXHASH_DISPATCH)
unset(CMAKE_REQUIRED_LIBRARIES)
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
