"""What tools/study concludes from results, and that dare-sweep takes what it asks for; Python's standard library alone."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "study"))
import claims  # noqa: E402
import files  # noqa: E402
import points  # noqa: E402
import summary  # noqa: E402

TASKS = ("digit", "turn", "parity")


def family(name, level, verdict="fit"):
    """Results of a family that scores `level(kind, p)` everywhere, 20 as it is before and 100 after fine-tuning."""
    tasks = types.SimpleNamespace(tasks=TASKS)
    rows = [{"kind": "base", "p": 0, "seed": 0, "scores": dict.fromkeys(TASKS, 20)}]
    for _, row, _ in points.points_of(tasks, True, False):
        scores = dict.fromkeys(row["tasks"], 100 if row["kind"] == "whole" else level(row["kind"], row["p"]))
        rows.append({**row, "scores": scores})
    inspection = [{"model": task, "verdict": verdict, "mean_abs": 0.001, "elements": 10} for task in TASKS]
    return summary.Summary(name, {"tasks": TASKS, "family": "digits", "extent": "full", "inspection": inspection, "rows": rows})


class Study(unittest.TestCase):
    def test_share_of_the_gain(self):
        model = family("m", lambda kind, p: 100 if p <= 0.5 else 60)
        self.assertEqual(model.retained("dare", 0.5), 1)
        self.assertEqual(model.retained("dare", 0.9), 0.5)
        # 0.95 lies at a tenth of the way down from p = 0.5 to 0.6, on the scale of log(1 - p)
        self.assertAlmostEqual(model.tolerated(), 1 - 0.5**0.9 * 0.4**0.1)
        self.assertEqual(family("m", lambda kind, p: 100).tolerated(), 0.99)

    def test_verdicts_follow_the_results(self):
        good = family("good", lambda kind, p: {"dare": 100, "merge": 101}.get(kind, 20))
        bad = family("bad", lambda kind, p: 20 if kind in ("dare", "merge") else 100, "unfit")
        for claim in (claims.nine_tenths, claims.rescale, claims.magnitude, claims.all_abilities, claims.beats_single):
            self.assertEqual(claim([good])[2], claims.AGREES, claim)
            self.assertEqual(claim([bad])[2], claims.DIFFERS, claim)
            self.assertEqual(claim([good, bad])[2], claims.PARTLY, claim)
        self.assertEqual(claims.nine_tenths([good, bad])[1], "Share of the gain left at p = 0.9: good 100 %, bad 0 %")
        self.assertEqual(claims.size([bad, good], [])[2], claims.AGREES)
        self.assertEqual(claims.size([good, bad], [])[2], claims.DIFFERS)
        self.assertEqual(claims.ninety_nine([bad, good], [bad, good])[2], claims.AGREES)
        self.assertEqual(claims.foretold([bad], [good])[2], claims.AGREES)
        self.assertEqual(claims.foretold([good], [bad])[2], claims.DIFFERS)

    def test_results_outlive_a_failure_while_they_are_written(self):
        with tempfile.TemporaryDirectory() as work:
            file = pathlib.Path(work) / "results.json"
            files.replace_text(file, "old")

            def fails(path, text, **_):
                with open(path, "w") as half:
                    half.write(text[:1])
                raise OSError("no space")

            with unittest.mock.patch.object(pathlib.Path, "write_text", fails), self.assertRaises(OSError):
                files.replace_text(file, "new")
            self.assertEqual(file.read_text(), "old")
            files.replace_text(file, "new")
            self.assertEqual(file.read_text(), "new")

    def test_sweep_takes_the_points(self):
        tasks = types.SimpleNamespace(tasks=TASKS)
        found = points.points_of(tasks, False, False)
        self.assertEqual(len(found), 3 * (1 + 11 * len(points.SEEDS)))
        folder = ROOT / "examples" / "family"
        with tempfile.TemporaryDirectory() as work:
            sweep = pathlib.Path(work) / "sweep.yml"
            sweep.write_text(json.dumps(points.sweep_of(folder, folder / "base", found)))
            done = subprocess.run([pathlib.Path(os.environ["DARE_BIN"]) / "dare-sweep", sweep, f"{work}/out", "--plan", "--json"],
                                  capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["points"], len(found))


if __name__ == "__main__":
    unittest.main()
