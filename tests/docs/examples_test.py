"""Every shell example of README.md, docs/ and the programs' manuals is run, on copies of examples/family.

In docs/ a fenced block `yaml NAME` or `python NAME` is a file, `bash` is run in one folder a page, `bash slurm` is checked for the
scripts it names; `console` shows output of the block before, of which it may leave out lines. README.md and the manuals speak of llama/, math/ and code/: those are base, digit and turn here.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from mpi_environment import mpi_environment  # noqa: E402  (found by the line above)

BIN = os.environ["DARE_BIN"]
FAMILY = os.path.join(ROOT, "examples", "family")


def path_with_python():
    """PATH, where python3 is one with what docs/numerics.md imports: the first there, or Debian's where another hides it."""
    path = os.environ["PATH"]
    if subprocess.run(["python3", "-c", "import numpy, xxhash"], stderr=subprocess.DEVNULL).returncode == 0:
        return path
    folder = tempfile.TemporaryDirectory(prefix="dare-docs-python-")
    atexit.register(folder.cleanup)
    os.symlink("/usr/bin/python3", os.path.join(folder.name, "python3"))
    return folder.name + os.pathsep + path


PROGRAMS = ("dare-merge", "dare-sweep", "dare-convert", "dare-inspect", "dare-verify", "dare-diff")
ENVIRONMENT = {
    **os.environ, **mpi_environment(), "DARE": ROOT, "PATH": BIN + os.pathsep + path_with_python(), "PYTHONDONTWRITEBYTECODE": "1", "DARE_INSTALL": "no",
}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def fenced(text):
    """(info string, content) of every fenced block."""
    return [(found[1].strip(), found[2]) for found in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text, re.M | re.S)]


def indented(text):
    """Every block of lines that are indented by four spaces, without the indentation."""
    return [re.sub(r"^    ", "", block, flags=re.M) for block in re.findall(r"(?<=\n)((?:    [^\n]*\n)+)", text)]


def alike(shown, printed):
    """Equal lines, but for 2 in the last digit of a number: scores may differ so between processors."""
    shown, printed = shown.split(), printed.split()

    def near(one, two):
        number = re.fullmatch(r"(-?\d+\.(\d+))(%?)", one)
        other = re.fullmatch(r"(-?\d+\.\d+)(%?)", two)
        return number and other and number[3] == other[2] and abs(float(number[1]) - float(other[1])) < 2.5 * 10.0 ** -len(number[2])

    return len(shown) == len(printed) and all(one == two or near(one, two) for one, two in zip(shown, printed))


class Examples(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dare-docs.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def shell(self, text, what, code=0):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
        self.assertIn(done.returncode, (code,) if isinstance(code, int) else code, f"{what}:\n{text}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def check_scripts(self, text, what):
        """Names of the repository's scripts and files in lines that are not run."""
        named = re.findall(r"(?:jobs|tests|tools)/[\w./-]+", text)
        for name in named:
            self.assertTrue(os.path.exists(os.path.join(ROOT, name)), f"{what} names {name}, which is not there")
        return len(named)

    def test_documents_have_the_methods_of_the_table(self):
        """dare-merge --help prints the table of methods: reference.md lists the same, README.md names no other and ends its list with dots."""
        text = self.shell("dare-merge --help", "--help").split("\nMethods:\n", 1)[1].split("\n\n", 1)[0]
        methods = {name: " ".join(summary.split()) for name, summary in re.findall(r"^  (\w+) +(.*(?:\n   .*)*)", text, re.M)}
        self.assertGreater(len(methods), 10)
        section = read("docs", "reference.md").split("\n## Methods\n", 1)[1].split("\n## ", 1)[0]
        self.assertEqual(dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.M)), {**methods, "merge_method": "what it does"})
        listed = re.search(r"lists all methods\s\(([^)]*), \.\.\.\)", read("README.md"))[1]
        self.assertLessEqual(set(re.split(r",\s+", listed)), set(methods))

    def make_models(self):
        for name, model in (("llama", "base"), ("math", "digit"), ("code", "turn")):
            shutil.copytree(os.path.join(FAMILY, model), os.path.join(self.folder, name))

    def run_line(self, line, what):
        """One command of README.md or of a manual. 0, or what the program says of a difference, is success."""
        line = re.sub(r"\s+#.*$", "", line).replace("model.norm.weight", "norm.weight")
        line = re.sub(r"-n \d+ ", "-n 2 ", line)
        if "jq " in line and not shutil.which("jq"):
            return 0
        if re.search(r"dare-(merge|convert) ", line) and not re.search(r"--(plan|explain)\b", line):
            line += " --overwrite"
        self.shell(line, what, (0, 4) if "dare-diff" in line else 0)
        return 1

    def test_pages(self):
        pages = sorted(name for name in os.listdir(os.path.join(ROOT, "docs")) if name.endswith(".md"))
        ran = shown = 0
        for page in pages:
            for name in os.listdir(self.folder):
                path = os.path.join(self.folder, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
            for info, content in fenced(read("docs", page)):
                kind, _, name = info.partition(" ")
                if kind in ("yaml", "python") and name:
                    with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                        file.write(content)
                elif info == "bash":
                    printed = iter(self.shell(content, f"docs/{page}").splitlines())
                    ran += 1
                elif info == "console":
                    for line in content.splitlines():
                        shown += line != "..."
                        self.assertTrue(line == "..." or any(alike(line, other) for other in printed), f"docs/{page}: not printed, or not there: {line}")
                elif info == "bash slurm":
                    self.assertGreater(self.check_scripts(content, f"docs/{page}"), 0)
        self.assertGreaterEqual(ran, 6)
        self.assertGreaterEqual(shown, 9)

    def test_readme(self):
        self.make_models()
        ran = 0
        for block in indented(read("README.md")):
            name = {"merge_method": "recipe.yml", "recipe": "sweep.yml"}.get(block.partition(":")[0])
            if name:
                with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                    file.write(block)
                continue
            for line in block.splitlines():
                if re.match(r"(mpirun|dare-\w+) ", line):
                    ran += self.run_line(line, "README.md")
                else:
                    self.check_scripts(line, "README.md")
        self.assertGreaterEqual(ran, 5)
        with open(os.path.join(self.folder, "swept", "results.csv"), encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 1 + 9)

    def test_manuals(self):
        self.make_models()
        self.shell("dare-convert llama model --rename '^=language_model.'", "a model with longer names")
        with open(os.path.join(self.folder, "recipe.yml"), "w", encoding="utf-8") as file:
            file.write("merge_method: dare_linear\nbase_model: llama\nmodels: [{model: math, parameters: {drop_rate: 0.9}}]\n")
        with open(os.path.join(self.folder, "sweep.yml"), "w", encoding="utf-8") as file:
            file.write("recipe: recipe.yml\ngrid: {drop_rate: [0.5, 0.9], seed: [1, 2]}\n")
        ran = 0
        for program in PROGRAMS:
            text = self.shell(f"{program} --help", program)
            lines = re.findall(r"^  # .*\n  (.+)$", text.split("\nExamples:\n")[1].split("\nExit codes:")[0], re.M)
            self.assertGreaterEqual(len(lines), 2, program)
            for line in lines:
                ran += self.run_line(line, f"{program} --help")
        self.assertGreaterEqual(ran, 12)

    def test_links_of_pages_lead_somewhere(self):
        pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "jobs/README.md", "packaging/README.md", "examples/family/README.md",
                 "examples/tinylm/README.md"]
        pages += ["docs/" + name for name in os.listdir(os.path.join(ROOT, "docs")) if name.endswith(".md")]
        links = 0
        for page in pages:
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page)):
                links += 1
                path = os.path.normpath(os.path.join(ROOT, os.path.dirname(page), target))
                self.assertTrue(os.path.exists(path), f"{page}: {target}")
        self.assertGreater(links, 5)


class Quickstart(unittest.TestCase):
    def test_the_table_of_the_readme(self):
        done = subprocess.run([os.path.join(ROOT, "tools", "quickstart"), "--bin", BIN], env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = re.search(r"^    (Accuracy in %.*?\n)\n?## ", read("README.md"), re.M | re.S)[1]
        shown, printed = ([line for line in text.splitlines() if line.strip()] for text in (shown, done.stdout))
        self.assertEqual(len(shown), 16)
        self.assertEqual(len(printed), len(shown), done.stdout)
        for one, two in zip(shown, printed):
            self.assertTrue(alike(one, two), f"README.md: {one}; tools/quickstart: {two}")


if __name__ == "__main__":
    try:
        import numpy  # noqa: F401  the guide's sweep scores with it
    except ImportError:
        print("skipped: no numpy here (Debian: apt-get install python3-numpy)")
        sys.exit(77)
    unittest.main()
