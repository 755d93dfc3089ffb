"""What the system tests share: the programs run as a user runs them, and checkpoints made with the standard library alone."""

import atexit
import itertools
import math
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from safetensors_file import read as read_safetensors, write as write_safetensors  # noqa: E402, F401  (tests have them from here)

BIN = os.environ["DARE_BIN"]
MPIRUN = os.environ.get("DARE_MPIRUN", "mpirun").split()
FAULTS = os.environ.get("DARE_FAULTS", "")
BLOCK = 1 << 20  # elements: the grid's unit

BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "I64": 64, "I32": 32, "U8": 8, "BOOL": 8}


def command(np, program, *words):
    line = [os.path.join(BIN, program), *map(str, words)]
    return line if np == 0 else [*MPIRUN, "-n", str(np), *line]


# Open MPI's folders: programs that start and end at the same time would make and remove a common one under each other.
SESSIONS = tempfile.mkdtemp(prefix="dare-ompi.")
os.chmod(SESSIONS, 0o1777)  # some are run as another user
atexit.register(shutil.rmtree, SESSIONS, ignore_errors=True)
_session = itertools.count()


def environment(**more):
    return {**os.environ, "OMPI_MCA_orte_tmpdir_base": os.path.join(SESSIONS, str(next(_session))), **{key: str(value) for key, value in more.items()}}


def run(np, program, *words, timeout=60, **env):
    """The finished process; np = 0 runs one rank without mpirun, in a fifth of the time. A hang is an error of the test."""
    return subprocess.run(command(np, program, *words), env=environment(**env), capture_output=True, text=True, timeout=timeout)


def run_to_full(np, program, *words):
    """With a stdout that takes nothing. Under mpirun a rank's is mpirun's pipe: a shell on each rank turns it to the full device."""
    line = command(np, program, *words)
    at = line.index(next(word for word in line if word.endswith(program)))
    return subprocess.run([*line[:at], "sh", "-c", 'exec "$0" "$@" > /dev/full', *line[at:]], env=environment(), capture_output=True, text=True, timeout=60)


def with_fault(spec, path=""):
    """Environment that makes a call fail or a signal come; see support/faults.cpp."""
    return {"LD_PRELOAD": FAULTS, "DARE_FAULT": spec, "DARE_FAULT_PATH": path}


def own_words(process, program):
    """The program's message on stderr: its line and those indented below it, without what mpirun adds under a rule."""
    words = process.stderr.split("\n-----", 1)[0].splitlines()
    return [line for line in words if line.startswith((program + ": ", "  "))]


def scratch():
    """Memory, where there is enough: the tests fsync a lot and mean no disk by it."""
    return "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 4 << 30 else None


def bf16(values):
    return b"".join(struct.pack("<f", value)[2:] for value in values)


def weights(dtype, elements, seed):
    """Plausible finite weights; cheap for large counts: a random run, repeated with a prime period."""
    generator = random.Random(seed)
    period = min(elements, 65521)
    values = [generator.uniform(-0.1, 0.1) for _ in range(period)]
    if dtype == "BF16":
        run_of = bf16(values)
    elif dtype in ("F16", "F32", "F64"):
        run_of = struct.pack("<%d%s" % (period, {"F16": "e", "F32": "f", "F64": "d"}[dtype]), *values)
    else:
        run_of = bytes(generator.randrange(0, 100) for _ in range(period * BITS[dtype] // 8))
    size = elements * BITS[dtype] // 8
    return (run_of * (size // max(len(run_of), 1) + 1))[:size]


def random_model(shapes, seed, dtype="BF16"):
    return {name: (dtype, shape, weights(dtype, math.prod(shape), f"{seed} {name}")) for name, shape in shapes.items()}


def contents(path):
    """Every file of an output, by name, with its bytes; a single file under the name ''."""
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return {"": file.read()}
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            with open(full, "rb") as file:
                found[os.path.relpath(full, path)] = file.read()
    return found


class SystemTest(unittest.TestCase):
    """A folder of its own, and the assertions that every failure of a program must meet."""

    maxDiff = None
    # Smaller than a block, several blocks, empty, scalar.
    shapes = {"model.embed.weight": [300, 32], "model.layers.0.up.weight": [1100, 2048], "model.norm.weight": [32], "empty": [0, 4], "scalar": []}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dare-system.", dir=scratch())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def make_family(self, models=2, dtype="BF16"):
        write_safetensors(self.path("base.safetensors"), random_model(self.shapes, "base", dtype), {"format": "pt"})
        for number in range(models):
            write_safetensors(self.path(f"m{number}.safetensors"), random_model(self.shapes, number, dtype), {"format": "pt"})

    def merge_words(self, output, *more, models=2):
        words = ["--base", self.path("base.safetensors"), "--drop-rate", "0.5", "--weight", "0.5", "--seed", "7"]
        for number in range(models):
            words += ["--model", self.path(f"m{number}.safetensors")]
        return [*words, *more, self.path(output)]

    def hidden(self):
        """What a run has left beside its output: temporary, journal, ..."""
        return sorted(name for name in os.listdir(self.folder) if name.startswith("."))

    def assert_change_is_told(self, fault, path, program, *words):
        """Stopped at `fault`, the program notices that the file there has changed meanwhile."""
        process = subprocess.Popen(command(0, program, *words), env=environment(**with_fault(fault, os.path.basename(path))), stderr=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        try:
            while os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT) is None:
                pass
            size = os.path.getsize(path)
            os.utime(path, ns=(0, os.stat(path).st_mtime_ns + 1))  # as a write of other bytes would
        finally:
            os.kill(process.pid, signal.SIGCONT)
            output, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, output), (3, ""), errors)
        self.assertEqual(errors.split("\n-----", 1)[0].strip(), f"{program}: {path}: changed while it was read ({size} bytes now, {size} before); "
                         "run it again when the file is at rest")

    def assert_refused(self, process, code, message, program="dare-merge"):
        """One message, exactly this one, and the exit code."""
        self.assertEqual(own_words(process, program), [f"{program}: {line}" if i == 0 else line for i, line in enumerate(message.split("\n"))], process.stderr)
        self.assertEqual(process.returncode, code, process.stderr)
        self.assertEqual(process.stdout, "")
