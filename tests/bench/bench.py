"""What the benchmarks share: how they start MPI, and what makes one run like the other."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from mpi_environment import mpi_environment  # noqa: E402  (found by the line above)

# Ranks that wait do not yield: what is measured is a node of which each rank has a core.
_MPI = {name: value for name, value in mpi_environment().items() if name != "OMPI_MCA_mpi_yield_when_idle"}


def mpirun(ranks, *words):
    """The words of a command line."""
    return ["mpirun", "-n", str(ranks), *words]


def output_of(line):
    """stdout of a command; one that fails ends the benchmark with what it said."""
    done = subprocess.run(line, env={**os.environ, **_MPI}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(line)}\n{done.stderr}")
    return done.stdout


def warm(paths):
    """Reads the files into the page cache."""
    for path in paths:
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


def claim_memory(folder, size):
    """Writes a file of so many bytes and removes it. A virtual machine has given back to its host what was free for a while: the first to
    use it again would pay for that, and who is the first differs from run to run."""
    path = os.path.join(folder, "claim")
    piece = bytes(1 << 20)
    with open(path, "wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(piece)
        os.fsync(file)
    os.remove(path)
