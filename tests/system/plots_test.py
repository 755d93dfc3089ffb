"""tools/plot-sweep and tools/plot-scaling: what they take for a number, and what they say where one is missing."""

import csv
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import unittest

from dare_sweep import SweepTest

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools")


def loaded(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(TOOLS, name, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class PlotSweep(SweepTest):
    """Its lists of columns repeat those of the C++ code: they are held against the results of each kind."""

    def setUp(self):
        super().setUp()
        self.make_family()
        self.plot = loaded("plot-sweep")

    def test_settings_are_those_of_a_grid(self):
        errors = self.sweep(0, self.recipe + "grid: {no_such_setting_at_all: [1]}\n").stderr
        self.assertEqual(re.search(r"known here: (.*)", errors)[1].split(", "), self.plot.SETTINGS)

    def test_columns_of_each_kind_are_known(self):
        known = [*self.plot.SETTINGS, *self.plot.STATISTICS, *self.plot.TIMES, *self.plot.OTHERS]
        seen = set()
        for outputs in ("model", "delta", "statistics"):
            self.swept(0, f"{self.recipe}outputs: {outputs}\ngrid: {{drop_rate: [0.5, 0.9]}}\n", output=outputs)
            with open(self.path(outputs, "results.csv"), newline="") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual(len(rows), 2)
            self.assertEqual([column for column in rows[0] if self.plot.setting_of(column) not in known], [], outputs)
            self.assertEqual([column for column in rows[0] if column not in known], ["weight.1", "weight.2"])  # the recipe's two models differ in it
            seen |= set(rows[0])
        self.assertLessEqual({*self.plot.STATISTICS, *self.plot.TIMES, *self.plot.OTHERS}, seen)

    def test_a_score_is_a_finite_number_and_no_size(self):
        rows = [{"point": "a", "drop_rate": "0.5", "bytes": "1000", "cosine": "1", "loss": "nan"},
                {"point": "b", "drop_rate": "0.9", "bytes": "900", "cosine": "0.5", "loss": "inf"}]
        self.assertEqual(self.plot.choose_y(rows, None), "cosine")
        self.assertEqual(self.plot.gather(rows, "drop_rate", "loss", []), ({}, ["a", "b"]))


class PlotScaling(SweepTest):
    def test_what_is_missing_is_named(self):
        os.makedirs(self.path("study", "runs"))
        name = os.path.join("study", "runs", "strong-2-all-1.json")
        stages = {stage: {"max": 1} for stage in ("read", "merge", "gather", "write", "wait")}
        tool = [sys.executable, os.path.join(TOOLS, "plot-scaling", "plot-scaling"), self.path("study")]
        for summary, message in (
                ({"stages_s": stages, "ranks": 2, "elapsed_s": 1}, 'stages_s has no "fsync"; measure again with the dare-merge that this file belongs to'),
                ({"stages_s": {**stages, "fsync": {"max": 0}}, "ranks": 1, "elapsed_s": 1}, "1 ranks, 2 by its name; did the launcher start them as one MPI run?")):
            self.write(name, json.dumps(summary))
            done = subprocess.run(tool, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (1, f"plot-scaling: {self.path(name)}: {message}\n"))


if __name__ == "__main__":
    unittest.main()
