"""plot-sweep on results of a sweep."""

import importlib.util
import os
import subprocess
import sys
import unittest

from dare_sweep import SweepTest


class Plot(SweepTest):
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "plot-sweep", "plot-sweep")

    def plot(self, *words):
        return subprocess.run([sys.executable, self.tool, *words], capture_output=True, text=True, timeout=60, check=False)

    def results(self):
        lines = ["point,status,merge_method,drop_rate,rescale,seed,cosine,accuracy,output,xxh3_128,error"]
        for rescale in ("expected", "none"):
            lines += [f"{rescale}{p}s{seed},done,dare_linear,{p},{rescale},{seed},1,{1 - p + seed / 100},,," for p in (0, 0.5, 0.9) for seed in (1, 2)]
        return self.write("results.csv", "\n".join([*lines, "two,done,dare_linear,0.1+0.2,none,1,1,0.5,,,", "bad,failed,,,,,,,,,no"]) + "\n")

    def test_errors(self):
        for words, message in ((["gone.csv", "f"], "gone.csv: No such file or directory"),
                               ([self.write("other.csv", "a,b\n1,2\n"), "f"], f'{self.path("other.csv")}: is no results.csv of dare-sweep, it has no column "point" or no row'),
                               ([self.write("none.csv", "point,status\np,failed\n"), "f"], "no point is done yet"),
                               ([self.results(), "f", "--y", "loss"], 'no finished point has a number under "loss"; --y can be: drop_rate, seed, cosine, accuracy'),
                               ([self.write("no-score.csv", "point,status,drop_rate,cosine,compute_seconds,output\n1,done,0.5,,2,a\n"), "f"],
                                "no finished point has a score, as no `evaluate` gave one; --y can be: drop_rate, compute_seconds"),
                               ([self.results(), "f", "--series", "colour"], 'no column "colour"; there are: point, status, merge_method, drop_rate, rescale, seed, '
                                "cosine, accuracy, output, xxh3_128, error")):
            process = self.plot(*words)
            self.assertEqual((process.returncode, process.stderr), (1, f"plot-sweep: {message}\n"))

    def test_points_that_were_withdrawn_are_left_out(self):
        process = self.plot(self.write("old.csv", "point,status,drop_rate,accuracy\np,withdrawn,0.5,1\n"), "f")
        self.assertEqual(process.stderr, "plot-sweep: 1 points that the sweep no longer has are not drawn\nplot-sweep: no point is done yet\n")

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "no matplotlib here")
    def test_a_value_a_model(self):
        lines = ["point,status,drop_rate,drop_rate.1,drop_rate.2,density,accuracy"]
        lines += [f"{p}+{q},done,{p if p == q else ''},{p},{q},{1 - p},{p * q}" for p in (0.1, 0.5, 0.9) for q in (0.1, 0.5)]
        results = self.write("models.csv", "\n".join(lines) + "\n")
        for x, drawn in (("drop_rate.1", "2 series, 6 points"), ("density", "1 series, 3 points"), ("drop_rate", "1 series, 2 points")):
            process = self.plot(results, self.path("figure"), "--x", x)
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertIn(f"accuracy against {x}, {drawn}", process.stdout)
        self.assertIn("are not drawn: 0.1+0.5, 0.5+0.1, 0.9+0.1, 0.9+0.5; where models differ in it, draw against --x drop_rate.1\n", process.stderr)
        self.plot(results, self.path("figure"), "--x", "drop_rate.1")
        with open(self.path("figure.svg"), encoding="utf-8") as file:
            picture = file.read()
        for text in ("Drop rate p, model 1", "Drop rate p, model 2", ">0.1<", ">0.5<"):
            self.assertIn(text, picture)

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "no matplotlib here")
    def test_one_line_a_series_with_a_band(self):
        process = self.plot(self.results(), self.path("figure"), "--label", "accuracy=Accuracy on a task")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("accuracy against drop_rate, 2 series, 6 points", process.stdout)
        self.assertEqual(process.stderr, 'plot-sweep: 1 points without a number under "drop_rate" or "accuracy" are not drawn: two\n')
        with open(self.path("figure.svg"), encoding="utf-8") as file:
            picture = file.read()
        for text in ("Drop rate p", "Accuracy on a task", "Rescale", ">expected<", ">none<", "Line: mean, band: range over seeds"):
            self.assertIn(text, picture)
        with open(self.path("figure.png"), "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")


if __name__ == "__main__":
    unittest.main()
