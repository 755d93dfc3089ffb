"""What a user of one machine sets for Open MPI, as the scripts of this project do: see tools/lib/mpi-environment."""

import os

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "lib", "mpi-environment")


def mpi_environment():
    """{name: value}"""
    with open(_FILE, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file if not line.startswith("#"))
