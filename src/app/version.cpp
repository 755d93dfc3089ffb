#include "app/manual.hpp"

#include "random/vector_targets.hpp"

#include <dare/comm/environment.hpp>
#include <dare/core/hash.hpp>

#include <fmt/format.h>
#include <hdf5.h>
#include <hwy/highway.h>
#include <xxhash.h>
#include <zip.h>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

namespace dare::app {
namespace {

std::string hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  if (H5get_libversion(&major, &minor, &release) < 0) return "unknown";
  return fmt::format("{}.{}.{}", major, minor, release);
}

// Highway takes the best target that it was compiled for and the processor has: the lowest bit of both.
std::string simd_target() {
  const auto usable = hwy::SupportedTargets() & (HWY_TARGETS);
  const std::string name = hwy::TargetName(usable & -usable);
  return name.starts_with("AVX3") ? name + " (AVX-512)" : name;
}

}  // namespace

std::string version_text(const Program& program) {
  constexpr unsigned k_boost = BOOST_VERSION;
  const auto xxhash = XXH_versionNumber();
  std::string text = fmt::format("{} {}\n", program.name, DARE_VERSION);
  const auto line = [&text](const char* name, const std::string& version) { text += fmt::format("  {:<14} {}\n", name, version); };
  line("MPI", comm::mpi_library());
  line("HDF5", hdf5_version());
  line("Boost", fmt::format("{}.{}.{}", k_boost / 100000, k_boost / 100 % 1000, k_boost % 100));
  line("Highway", fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH));
  line("xxHash", fmt::format("{}.{}.{}{}", xxhash / 10000, xxhash / 100 % 100, xxhash % 100,
                             hashes_by_processor() ? ", by the processor's instructions" : ""));
  line("yaml-cpp", DARE_YAML_CPP_VERSION);
  line("nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH));
  line("fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100));
  line("libzip", zip_libzip_version());
  line("Eigen", DARE_EIGEN_VERSION);
  line("SIMD in use", simd_target());
  return text;
}

}  // namespace dare::app
