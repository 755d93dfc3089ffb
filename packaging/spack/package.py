# A package for Spack: builds from a folder of sources (spack dev-build). Add `git = ...` to build from where you keep them.
# Written for Spack 1.0 or later; not tried yet. Upper bounds: HDF5 2 changes calls that are used here.
from spack_repo.builtin.build_systems.cmake import CMakePackage, generator

from spack.package import *


class DareMpi(CMakePackage):
    """Merges fine-tuned language models with DARE (drop and rescale) over MPI, in bounded memory, with the same bytes at any number of ranks."""

    homepage = "https://arxiv.org/abs/2311.03099"

    license("Apache-2.0")

    version("0.1.0")

    variant("shared", default=True, description="Build the library shared")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3.1:")
    depends_on("hdf5@1.10.7:1 +mpi ~cxx")
    depends_on("boost@1.74: +program_options +random")
    depends_on("highway@1.0.3:")
    depends_on("xxhash@0.8:")
    depends_on("yaml-cpp@0.7:")
    depends_on("nlohmann-json@3.9:")
    depends_on("fmt@9:")
    depends_on("libzip@1.7:")
    depends_on("zlib-api")
    depends_on("libseccomp@2.5:")
    depends_on("eigen@3.4:3")

    conflicts("%gcc@:11", msg="C++20 as used here needs GCC 12 or later")
    conflicts("%clang@:13", msg="C++20 as used here needs Clang 14 or later")

    generator("ninja")

    def cmake_args(self):
        return [
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define("DARE_TESTS", False),
            self.define("DARE_BENCHMARKS", False),
        ]
