"""dare-sweep scores its points with dare-score, as docs/sweep.md has it."""

import json
import os
import sys
import unittest

from dare_system import BIN, run
from dare_sweep import SweepTest, rows


class SweepScore(SweepTest):
    def setUp(self):
        super().setUp()
        self.make_family()
        self.write("predict.py", "import sys\nprint('1\\n1\\n0\\n1' if '0.9' in sys.argv[1] else '1\\n0\\n0\\n1')\n")
        self.write("dev.tsv", "sentence\tlabel\na\t1\nb\t0\nc\t0\nd\t1\n")

    def test_scores_of_dare_score_are_in_the_results(self):
        predictions, references = self.path("{point}.txt"), self.path("dev.tsv")
        score = f"{os.path.join(BIN, 'dare-score')} cola {predictions} {references} --scores"
        text = self.recipe + f"grid: {{drop_rate: [0.5, 0.9]}}\nevaluate: {sys.executable} {self.path('predict.py')} {{checkpoint}} > {predictions} && {score}\n"
        self.swept(2, text)
        found = rows(self.path("swept"))
        self.assertEqual({name: (float(row["matthews"]), float(row["accuracy"])) for name, row in found.items()},
                         {"drop_rate=0.5": (1.0, 1.0), "drop_rate=0.9": (1 / 3**0.5, 0.75)})

    def test_what_has_no_value_is_left_out(self):
        self.write("p.txt", "1\n1\n")
        self.write("r.txt", "1\n0\n")
        done = run(0, "dare-score", "cola", self.path("p.txt"), self.path("r.txt"), "--scores")
        self.assertEqual((done.returncode, json.loads(done.stdout)), (0, {"matthews": 0, "accuracy": 0.5}))
        self.assertEqual(done.stderr, "dare-score: note: matthews: all predictions are one class; 0 by convention\n")
        done = run(0, "dare-score", "stsb", self.path("p.txt"), self.path("r.txt"), "--scores")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("dare-score: no measure has a value: a correlation has no value where all predictions are 1\n", done.stderr)
        done = run(0, "dare-score", "cola", "p", "r", "--scores", "--json")
        self.assertEqual((done.returncode, done.stderr), (2, "dare-score: --json and --scores are two forms of one result; give one\n"))


if __name__ == "__main__":
    unittest.main()
