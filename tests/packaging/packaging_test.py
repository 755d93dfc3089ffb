"""packaging/ agrees with the sources: the list of what a build needs, the Spack recipe, the Apptainer definition and the module files.

None of Spack and Apptainer is needed. The module files are loaded where Lmod or Environment Modules are installed; without, what they set is read
from their text. DARE_BUILD is the build folder, whose programs are installed into a scratch folder.
"""

import ast
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ["DARE_BUILD"]
# Debian's package to Spack's; None: what another of its packages is.
SPACK = {
    "cmake": "cmake", "ninja-build": "ninja", "g++": "cxx", "pkg-config": "pkgconfig", "openmpi-bin": "mpi", "libopenmpi-dev": "mpi",
    "libhdf5-openmpi-dev": "hdf5", "libboost-dev": "boost", "libboost-program-options-dev": "boost", "libboost-random-dev": "boost",
    "libhwy-dev": "highway", "libxxhash-dev": "xxhash", "libyaml-cpp-dev": "yaml-cpp", "nlohmann-json3-dev": "nlohmann-json", "libfmt-dev": "fmt",
    "libzip-dev": "libzip", "zlib1g-dev": "zlib-api", "libeigen3-dev": "eigen", "libseccomp-dev": "libseccomp",
}
# CMake's package to Spack's, of those with a least version.
LEAST = {"MPI": "mpi", "Boost": "boost", "Eigen3": "eigen"}
OF_EVERY_IMAGE = {"libc6", "libgcc-s1", "libstdc++6"}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def output_of(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=100, **more).stdout


def debian_packages(*sets):
    script = 'program=packaging_test; . tools/lib/common.sh; . tools/lib/packages.sh; dare_packages "$@"'
    return set(output_of("bash", "-c", script, "packages", *sets, cwd=ROOT).split())


def project_version():
    return re.search(r"project\(dare-mpi VERSION ([\d.]+)", read("CMakeLists.txt"))[1]


class Libraries(unittest.TestCase):
    def test_the_page_names_what_is_installed(self):
        table = read("packaging", "README.md").split("## By hand")[1].split("\n\n")[1:]
        rows = next(part for part in table if part.startswith("| what")).splitlines()[2:]
        self.assertEqual({name for row in rows for name in row.split("|")[-2].strip().split(", ")}, debian_packages("build"))

    def test_all_that_is_missing_is_named_at_once(self):
        with tempfile.TemporaryDirectory(prefix="dare-packaging.") as folder:
            os.mkdir(os.path.join(folder, "empty"))
            without = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("MPI", "HDF5", "Boost", "Eigen3", "hwy", "yaml-cpp", "fmt", "ZLIB")]
            done = subprocess.run(["cmake", "-S", ROOT, "-B", os.path.join(folder, "build"), *without], capture_output=True, text=True, timeout=100,
                                  env={**os.environ, "PKG_CONFIG_LIBDIR": os.path.join(folder, "empty"), "PKG_CONFIG_PATH": ""})
        self.assertEqual(done.returncode, 1, done.stderr)
        named = {name for names in re.findall(r"\(Debian: ([^)]*)\)", done.stderr) for name in names.split()}
        # Tools are needed before anything is looked for, mpirun to run; libseccomp can be done without.
        self.assertEqual(named, debian_packages("build") - {"cmake", "ninja-build", "g++", "pkg-config", "openmpi-bin", "libseccomp-dev"}, done.stderr)


class Spack(unittest.TestCase):
    def setUp(self):
        self.calls = [node for node in ast.walk(ast.parse(read("packaging", "spack", "package.py"))) if isinstance(node, ast.Call)]

    def first_words(self, function):
        """The first argument of each call of a directive or of a method of self."""
        named = [call for call in self.calls if getattr(call.func, "id", getattr(call.func, "attr", None)) == function]
        return [call.args[0].value for call in named]

    def test_version_options_and_variants(self):
        self.assertEqual(self.first_words("version"), [project_version()])
        options = set(re.findall(r"^option\((\w+)", read("CMakeLists.txt"), re.M))
        defined = set(self.first_words("define") + self.first_words("define_from_variant"))
        self.assertLessEqual(defined, options)
        self.assertGreater(len(defined), 2)
        of_variants = {call.args[1].value for call in self.calls if getattr(call.func, "attr", "") == "define_from_variant"}
        self.assertEqual(of_variants, set(self.first_words("variant")))

    def test_dependencies(self):
        specs = self.first_words("depends_on")
        names = [re.match(r"[\w-]+", spec)[0] for spec in specs]
        self.assertEqual(set(names), {SPACK[package] for package in debian_packages("build")} | {"c"})
        self.assertEqual(len(names), len(set(names)))
        least = {name: re.search(r"@([\d.]+):", spec)[1] for name, spec in zip(names, specs) if "@" in spec}
        wanted = dict(re.findall(r"find_package\((\w+) ([\d.]+)", read("cmake", "DareDependencies.cmake")))
        self.assertEqual(set(wanted), set(LEAST))
        for package, version in wanted.items():
            self.assertEqual(least[LEAST[package]], version)
        self.assertEqual(least["cmake"], re.search(r"cmake_minimum_required\(VERSION ([\d.]+)", read("CMakeLists.txt"))[1])


class Apptainer(unittest.TestCase):
    def setUp(self):
        text = read("packaging", "apptainer", "dare-mpi.def")
        self.build, self.final = text.split("Stage: final")
        self.text = text

    def installed_by(self, stage):
        return set(re.search(r"apt-get install -y --no-install-recommends ((?:.*\\\n)*.*)", stage)[1].replace("\\\n", " ").split())

    def test_packages_of_the_build(self):
        self.assertEqual(self.installed_by(self.build), debian_packages("build"))

    def test_what_is_copied_is_enough_to_configure_and_install(self):
        files = re.findall(r"^    (\S+) /src/(\S+)$", self.build.split("%files")[1].split("%post")[0], re.M)
        self.assertGreater(len(files), 10)
        with tempfile.TemporaryDirectory(prefix="dare-packaging.") as folder:
            for source, target in files:
                path, copy = os.path.join(ROOT, source), os.path.join(folder, target)
                self.assertTrue(os.path.exists(path), source)
                shutil.copytree(path, copy) if os.path.isdir(path) else shutil.copy(path, copy)
            preset = re.search(r"cmake --preset (\S+)", self.build)[1]
            output_of("cmake", "--preset", preset, cwd=folder)
            scripts = glob.glob(os.path.join(folder, "build", preset, "**", "cmake_install.cmake"), recursive=True)
            installed = set()
            for script in scripts:
                with open(script, encoding="utf-8") as file:
                    installed |= {path for path in re.findall(r'"(/[^"$]+)"', file.read()) if path.startswith(folder + os.sep) and "/build/" not in path}
            self.assertGreater(len(installed), 10)
            self.assertEqual([path for path in sorted(installed) if not os.path.exists(path)], [])

    def test_programs_find_their_libraries_in_the_image(self):
        if not shutil.which("dpkg-query") or 'VERSION_ID="12"' not in output_of("cat", "/etc/os-release"):
            self.skipTest("the image's packages are Debian 12's")
        with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
            cache = file.read()
        if "DARE_SANITIZE:BOOL=ON" in cache or "openmpi" not in cache:
            self.skipTest("the image has no sanitizers, and Open MPI alone")
        given = self.installed_by(self.final) | OF_EVERY_IMAGE
        programs = glob.glob(os.path.join(BUILD, "bin", "dare-*"))
        self.assertTrue(programs)
        owners = functools.cache(lambda path: output_of("dpkg-query", "-S", "*/" + os.path.basename(path)))
        for program in programs:
            found = dict(re.findall(r"^\t(\S+) => (\S+)", output_of("ldd", program), re.M))
            for library in re.findall(r"NEEDED.*\[(.*)\]", output_of("readelf", "-d", program)):
                if library.startswith(("ld-linux", "libdare")):
                    continue
                packages = owners(os.path.realpath(found[library]))
                self.assertTrue({line.split(":")[0] for line in packages.splitlines()} & given, f"{program}: {library}: {packages}")

    def test_programs_are_named(self):
        programs = set(re.findall(r"^add_subdirectory\((dare-\w+)", read("tools", "CMakeLists.txt"), re.M)) | {"dare-merge", "dare-sweep"}
        self.assertEqual(set(re.search(r"Programs: (.*);", self.text)[1].split(", ")), programs)


class Modules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dare-modules.")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "apps")
        output_of("cmake", "--install", BUILD, "--prefix", cls.prefix)
        for name in ("dare-mpi.lua", "dare-mpi.tcl"):
            text = read("packaging", "modules", name)
            prefix = re.search(r"prefix\W+(/[\w/.-]+)", text)[1]
            assert prefix == f"/apps/dare-mpi/{project_version()}", prefix
            if not os.path.isdir(os.path.join(cls.prefix, "lib", "pkgconfig")):
                text = text.replace("lib/pkgconfig", os.path.relpath(glob.glob(cls.prefix + "/lib*/**/pkgconfig", recursive=True)[0], cls.prefix))
            with open(os.path.join(cls.folder, name if name.endswith("lua") else "dare-mpi"), "w", encoding="utf-8") as file:
                file.write(text.replace(prefix, cls.prefix))

    def check(self, variables):
        """What the loaded module sets is what was installed, before what was there."""
        first = {name: value.split(":")[0] for name, value in variables.items()}
        path = os.path.join
        self.assertIn(f"dare-merge {project_version()}", output_of(path(first["PATH"], "dare-merge"), "--version"))
        for there in (path(first["MANPATH"], "man1", "dare-merge.1"), path(first["XDG_DATA_DIRS"], "bash-completion", "completions", "dare-merge"),
                      path(first["PKG_CONFIG_PATH"], "dare.pc")):
            self.assertTrue(os.path.exists(there), there)
        self.assertTrue(glob.glob(path(first["CMAKE_PREFIX_PATH"], "lib*", "**", "dareConfig.cmake"), recursive=True))
        self.assertEqual(first["PKG_CONFIG_PATH"], os.path.dirname(glob.glob(self.prefix + "/lib*/**/dare.pc", recursive=True)[0]))
        self.assertIn("/usr/share", variables["XDG_DATA_DIRS"].split(":"))
        self.assertIn("", variables["MANPATH"].split(":")[1:])  # the system's pages

    def loaded(self, *words):
        """The environment after a module command that prints JSON or shell."""
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("MANPATH", "XDG_DATA", "LMOD", "MODULE", "PKG_CONFIG", "CMAKE_PREFIX"))}
        keep["MODULEPATH"] = self.folder
        script = f'eval "$({" ".join(words)})"; exec python3 -c "import json, os; print(json.dumps(dict(os.environ)))"'
        return json.loads(output_of("bash", "-c", script, env=keep))

    def test_texts_set_the_same(self):
        lua = re.findall(r'^prepend_path\("(\w+)", (?:pathJoin\(prefix, "([\w/]+)"\)|prefix)\)', read("packaging", "modules", "dare-mpi.lua"), re.M)
        tcl = re.findall(r"^prepend-path (\w+) \$prefix/?([\w/]*)$", read("packaging", "modules", "dare-mpi.tcl"), re.M)
        self.assertEqual(lua, tcl)
        self.check({name: f"{os.path.join(self.prefix, path)}::/usr/share" for name, path in lua})

    def test_lmod(self):
        lmod = next(iter(glob.glob("/usr/share/lmod/*/libexec/lmod") + glob.glob("/usr/share/lmod/lmod/libexec/lmod")), os.environ.get("LMOD_CMD"))
        if not lmod or not os.path.exists(lmod):
            self.skipTest("Lmod is not installed (Debian: lmod)")
        self.check(self.loaded(lmod, "bash", "load", "dare-mpi"))

    def test_environment_modules(self):
        modulecmd = next(iter(glob.glob("/usr/lib/*/modulecmd.tcl") + glob.glob("/usr/share/modules/libexec/modulecmd.tcl")), os.environ.get("DARE_MODULECMD"))
        if not modulecmd or not shutil.which("tclsh"):
            self.skipTest("Environment Modules are not installed (Debian: environment-modules)")
        self.check(self.loaded("tclsh", modulecmd, "bash", "load", "dare-mpi"))


if __name__ == "__main__":
    unittest.main()
