"""What tools/evaluate makes of the harness's results, and how jobs/evaluate.sbatch calls it; the harness itself: tests/peers."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVALUATE = ROOT / "tools" / "evaluate" / "evaluate"
JOB = ROOT / "jobs" / "evaluate.sbatch"


class Harness(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def collect(self, text):
        file = self.folder / "results.json"
        file.write_text(text)
        return file, subprocess.run([sys.executable, EVALUATE, "--collect", file], capture_output=True, text=True)

    def test_scores_are_flat_numbers(self):
        file, done = self.collect(json.dumps({"results": {
            "math": {"alias": "math", "sample_len": 5, "exact_match,strict": 0.25, "exact_match_stderr,strict": 0.125, "acc,none": 1},
            "code": {"alias": "code", "exact_match,strict": 0.75, "exact_match_stderr,strict": "N/A", "perplexity,none": float("nan")}}}))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), [
            f"{file}: mean.exact_match.strict 0.5000",
            f"{file}: math.exact_match.strict 0.2500 ± 0.1250",
            f"{file}: math.acc 1.0000",
            f"{file}: code.exact_match.strict 0.7500",
            json.dumps({"mean.exact_match.strict": 0.5, "math.exact_match.strict": 0.25, "math.exact_match_stderr.strict": 0.125,
                        "math.acc": 1, "code.exact_match.strict": 0.75})])

    def test_groups_count_by_their_members(self):
        scores = {"a": {"acc,none": 0.5}, "b": {"acc,none": 1.0}, "both": {"acc,none": 0.6}}
        _, done = self.collect(json.dumps({"results": scores, "groups": {"both": {"acc,none": 0.6}}}))
        self.assertEqual(json.loads(done.stdout.splitlines()[-1]), {"mean.acc": 0.75, "a.acc": 0.5, "b.acc": 1.0})

    def test_a_task_without_a_number_is_not_found_in_anothers_name(self):
        scores = {"a": {"alias": "a"}, "data": {"acc,none": 0.5}, "b": {"acc,none": 1.0}}
        _, done = self.collect(json.dumps({"results": scores}))
        self.assertEqual(json.loads(done.stdout.splitlines()[-1]), {"mean.acc": 0.75, "data.acc": 0.5, "b.acc": 1.0})

    def test_batch_size(self):
        for given in ("x", "0", "-1", "1.5", ""):
            done = subprocess.run([sys.executable, EVALUATE, "model", "--tasks", "tasks", f"--batch-size={given}"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.endswith(f"evaluate: error: --batch-size {given}: give a whole number above 0, or auto\n"), done.stderr)

    def test_one_task_has_no_mean(self):
        _, done = self.collect('{"results": {"a": {"acc,none": 0.5}}}')
        self.assertEqual(done.stdout.splitlines()[-1], '{"a.acc": 0.5}')

    def test_refusals(self):
        for text, expected in {
            '{"results": {"a": {"alias": "a"}}}': "the harness gave no number for any task; a task needs a metric_list",
            "{": "is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            "{}": 'has no "results"; expected the file that lm_eval --output_path writes',
        }.items():
            file, done = self.collect(text)
            self.assertEqual((done.returncode, done.stderr, done.stdout), (3, f"evaluate: {file}: {expected}\n", ""))

    def test_job_calls_it_on_every_model(self):
        python = self.folder / "python"
        python.write_text('#!/bin/sh\necho "$@"\n')
        python.chmod(0o755)
        models = [self.folder / "one", self.folder / "two"]
        for model in models:
            model.mkdir()
        settings = {**os.environ, "TASKS": "tasks", "PYTHON": str(python), "RESULTS": str(self.folder / "all.txt")}
        done = subprocess.run(["bash", JOB, *models], capture_output=True, text=True, env=settings)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "".join(f"{ROOT}/jobs/../tools/evaluate/evaluate --tasks tasks {model}\n" for model in models))
        self.assertEqual((self.folder / "all.txt").read_text(), done.stdout)
        both = subprocess.run(["bash", JOB, *models], capture_output=True, text=True, env={**settings, "EVALUATE": "true"})
        self.assertEqual((both.returncode, both.stderr), (2, "evaluate: TASKS and EVALUATE are both set; give one\n"))


if __name__ == "__main__":
    unittest.main()
