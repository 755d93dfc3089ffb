#!/usr/bin/env python3
"""dare-score beside scikit-learn, scipy and (where installed) lm-evaluation-harness, on random and edge inputs.

Needs DARE_BIN and Python packages scikit-learn and scipy; exit code 77 (skipped) without them.
"""
import importlib.util
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import types
import unittest

try:
    import numpy
    from scipy import stats
    from sklearn import metrics
except ImportError as error:
    print(f"metrics_peers: skipped: {error}; pip install scikit-learn scipy", file=sys.stderr)
    sys.exit(77)

PROGRAM = pathlib.Path(os.environ["DARE_BIN"]) / "dare-score"


def score(task, predictions, references, *options):
    with tempfile.TemporaryDirectory() as folder:
        for name, field, values in (("p", "prediction", predictions), ("r", "reference", references)):
            lines = "".join(json.dumps({"id": i, field: value}) + "\n" for i, value in enumerate(values))
            (pathlib.Path(folder) / f"{name}.jsonl").write_text(lines)
        # The references first or last, the file's order must not matter: predictions are turned round.
        path = pathlib.Path(folder) / "p.jsonl"
        path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
        done = subprocess.run([PROGRAM, task, f"{folder}/p.jsonl", f"{folder}/r.jsonl", "--reference-field", "reference", "--json", *options],
                              capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["metrics"]


def values(*arguments):
    return {name: measure["value"] for name, measure in score(*arguments, "--bootstrap", "0").items()}


class Peers(unittest.TestCase):
    def same(self, found, wanted, tolerance=1e-12):
        if math.isnan(wanted):
            self.assertIsNone(found)
        else:
            self.assertAlmostEqual(found, wanted, delta=tolerance)

    def test_classification(self):
        draw = random.Random(2)
        for case in range(60):
            n, classes = draw.choice((1, 2, 5, 30, 500)), draw.choice((1, 2, 3, 9))
            actual = [f"c{draw.randrange(classes)}" for _ in range(n)]
            predicted = [a if draw.random() < 0.6 else f"c{draw.randrange(classes)}" for a in actual]
            with self.subTest(case=case, predicted=predicted[:9], actual=actual[:9]):
                got = values("classification", predicted, actual, "--positive", actual[0])
                self.same(got["accuracy"], metrics.accuracy_score(actual, predicted))
                self.same(got["macro_f1"], metrics.f1_score(actual, predicted, average="macro", zero_division=0.0))
                self.same(got["f1"], metrics.f1_score(actual, predicted, average="macro", labels=[actual[0]], zero_division=0.0))
                self.same(got["matthews"], float(metrics.matthews_corrcoef(actual, predicted)))

    def test_binary_tasks(self):
        draw = random.Random(3)
        for case in range(40):
            n = draw.choice((1, 2, 7, 100))
            actual = [draw.randrange(2) for _ in range(n)]
            predicted = [draw.randrange(draw.choice((1, 2))) for _ in range(n)]
            with self.subTest(case=case, predicted=predicted, actual=actual):
                self.same(values("cola", predicted, actual)["matthews"], float(metrics.matthews_corrcoef(actual, predicted)))
                self.same(values("mrpc", predicted, actual)["f1"], metrics.f1_score(actual, predicted, zero_division=0.0))

    def test_correlation(self):
        draw = random.Random(4)
        makers = (lambda: draw.gauss(0, 1), lambda: draw.randrange(4) * 1.25, lambda: draw.lognormvariate(0, 20), lambda: -1e6 + draw.random(), lambda: 3.0)
        for case in range(80):
            n, a, b = draw.choice((2, 3, 10, 300)), draw.choice(makers), draw.choice(makers)
            x, y = [a() for _ in range(n)], [b() for _ in range(n)]
            with self.subTest(case=case, x=x[:9], y=y[:9]):
                got = values("stsb", x, y)
                self.same(got["pearson"], float(stats.pearsonr(x, y).statistic), 1e-9)
                self.same(got["spearman"], float(stats.spearmanr(x, y).statistic), 1e-12)

    def test_intervals(self):
        draw = random.Random(5)
        actual = [draw.randrange(2) for _ in range(300)]
        predicted = [a if draw.random() < 0.8 else 1 - a for a in actual]
        right = numpy.array(predicted) == numpy.array(actual)
        theirs = stats.bootstrap((right.astype(float),), numpy.mean, n_resamples=9999, confidence_level=0.9, method="percentile", random_state=1)
        low, high = score("sst2", predicted, actual, "--bootstrap", "9999", "--confidence", "0.9")["accuracy"]["interval"]
        # Two sets of draws: the ends differ by no more than a few examples.
        self.assertAlmostEqual(low, theirs.confidence_interval.low, delta=0.007)
        self.assertAlmostEqual(high, theirs.confidence_interval.high, delta=0.007)

    def test_gsm8k_numbers_in_many_dresses(self):
        draw = random.Random(6)
        dresses = ("#### {}", "#### ${}", "The answer is {}.", "It is 3 + 4, so **{}**", "she pays ${} in all", "{} km", "{}%", "first 17, then {}", "= {}", "\\boxed{{{}}}")
        predicted, actual = [], []
        for _ in range(400):
            number = draw.choice((draw.randrange(10), draw.randrange(10**7), -draw.randrange(1, 500)))
            written = draw.choice((str(number), f"{number:,}", f"{number}.0", f"{number:,}.00"))
            predicted.append(draw.choice(dresses).format(written))
            actual.append(f"because\n#### {number}")
        self.assertEqual(values("gsm8k", predicted, actual), {"exact_match": 1.0})
        self.assertEqual(values("gsm8k", [p + "1" if p[-1].isdigit() else p + " no, 0.125" for p in predicted if "####" not in p],
                                [a for p, a in zip(predicted, actual) if "####" not in p]), {"exact_match": 0.0})

    def test_math_answers_that_the_harness_calls_equal_are_equal(self):
        spec = importlib.util.find_spec("lm_eval")
        if spec is None:
            self.skipTest("lm-eval is not installed")
        sys.modules.setdefault("datasets", types.SimpleNamespace(Dataset=None))
        path = pathlib.Path(spec.submodule_search_locations[0]) / "tasks" / "hendrycks_math" / "utils.py"
        module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("hendrycks_math", path))
        module.__spec__.loader.exec_module(module)
        draw = random.Random(7)
        cores = ("5", "-3", "0.5", ".5", "1/2", "\\frac{1}{2}", "\\frac12", "\\dfrac{1}{2}", "\\sqrt2", "\\sqrt{2}", "2\\sqrt3", "(1,2)", "(1, 2)", "\\left(1,2\\right)",
                 "x^2+1", "x^2 + 1", "10\\%", "10", "90^\\circ", "90", "\\$5", "x=5", "x = 5", "\\text{no}", "3.14", "\\frac{3}{4}", "3/4", "\\tfrac34", "1\\!000", "1000")
        dress = (lambda s: s, lambda s: s + "\\text{ cm}", lambda s: s + "\\text{ cm}^2", lambda s: "\\left" + s if s[0] == "(" else s, lambda s: " " + s, lambda s: s + " ")
        predicted, actual, theirs = [], [], []
        for _ in range(4000):
            a, b = (draw.choice(dress)(draw.choice(cores)) for _ in range(2))
            predicted.append(f"So $\\boxed{{{a}}}$.")
            actual.append(f"\\boxed{{{b}}}")
            theirs.append(module.is_equiv(a, b))
        self.assertGreater(sum(theirs), 100)
        equal = [i for i, same in enumerate(theirs) if same]
        got = values("math", [predicted[i] for i in equal], [actual[i] for i in equal])
        self.assertEqual(got, {"exact_match": 1.0})
        ours = values("math", predicted, actual)["exact_match"] * len(predicted)
        print(f"metrics_peers: of {len(predicted)} pairs of MATH answers the harness calls {sum(theirs)} equal, dare-score {round(ours)}", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
