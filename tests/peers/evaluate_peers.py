#!/usr/bin/env python3
"""A small decoder through dare-merge and dare-sweep, loaded by transformers and scored by lm-evaluation-harness.

Two decoders learn two tasks by heart from one base; a merge of both must do both. Needs DARE_BIN and the packages of
tools/evaluate/requirements.txt; exit code 77 (skipped) without them.
"""
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import lm_eval  # noqa: F401
    import peft  # noqa: F401  lm_eval's own need
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError as error:
    print(f"evaluate_peers: skipped: {error}; pip install -r tools/evaluate/requirements.txt", file=sys.stderr)
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "tinylm"))
import make_family  # noqa: E402
import tasks  # noqa: E402

BIN = pathlib.Path(os.environ["DARE_BIN"])
EVALUATE = [sys.executable, ROOT / "tools" / "evaluate" / "evaluate"]
TAUGHT = ("sort", "swap")
OPTIONS = make_family.argparse.Namespace(hidden=64, layers=2)


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)


class Fixed:
    """The same examples at every step: learnt by heart in seconds."""

    def __init__(self, pairs):
        self.pairs = pairs

    def draw(self, _):
        return self.pairs


def generated(folder, pairs):
    """Share of the answers that transformers' own greedy generation gives whole."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    right = 0
    for prompt, answer in pairs:
        tokens = tokenizer(prompt, return_tensors="pt")
        found = model.generate(**tokens, max_new_tokens=16, do_sample=False)[0, tokens.input_ids.shape[1]:]
        right += tokenizer.decode(found, skip_special_tokens=True) == answer
    return right / len(pairs)


class Evaluation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        torch.manual_seed(5)
        torch.set_num_threads(1)
        cls.pairs = {task: pairs for task, pairs in tasks.held_out(24).items() if task in TAUGHT}
        make_family.write_tasks(cls.pairs, cls.folder / "tasks")
        model = make_family.fresh(OPTIONS)
        mixture = tasks.Mixture(tasks.COMMON, set(), 1)
        make_family.train(model, mixture, 60, 32, 2e-3)
        make_family.save(model, cls.folder / "base")
        for task, pairs in cls.pairs.items():
            model = make_family.load(cls.folder / "base")
            make_family.train(model, Fixed(pairs), 80, 24, 1e-3)
            make_family.save(model, cls.folder / task)
        done = run(BIN / "dare-merge", "--base", cls.folder / "base", "--model", cls.folder / "sort", "--drop-rate", "0.1", "--seed", "1",
                   cls.folder / "merged")
        assert done.returncode == 0, done.stderr

    def scores(self, *arguments):
        done = run(*EVALUATE, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def test_merged_model_generates_and_is_scored(self):
        scores = self.scores(self.folder / "merged", "--tasks", self.folder / "tasks", "--dtype", "float32")
        for task, pairs in self.pairs.items():
            self.assertEqual(scores[f"{task}.exact_match"], generated(self.folder / "merged", pairs), task)
        self.assertGreater(scores["sort.exact_match"], 0.5)  # 0.1 of what was learnt is dropped
        self.assertLess(generated(self.folder / "base", self.pairs["sort"]), 0.2)  # and it was not the base that could do it
        self.assertEqual(scores["mean.exact_match"], (scores["sort.exact_match"] + scores["swap.exact_match"]) / 2)

    def test_sweep_takes_the_scores(self):
        (self.folder / "sweep.yml").write_text(
            f"merge_method: dare_linear\nbase_model: base\nmodels: [{{model: sort, parameters: {{drop_rate: 0}}}}]\nseed: 1\n"
            f"points: {{whole: {{drop_rate: 0}}, none: {{drop_rate: 1}}}}\n"
            f"evaluate: {sys.executable} {EVALUATE[1]} {{checkpoint}} --tasks {self.folder}/tasks --task sort --dtype float32\n")
        done = run(BIN / "dare-sweep", self.folder / "sweep.yml", self.folder / "swept")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.folder / "swept" / "results.csv", newline="") as file:
            rows = {row["point"]: row for row in csv.DictReader(file)}
        self.assertEqual(set(rows), {"whole", "none"})
        for point, row in rows.items():
            self.assertEqual(float(row["sort.exact_match"]), generated(self.folder / ("sort" if point == "whole" else "base"), self.pairs["sort"]))

    def test_refusals(self):
        model, data = self.folder / "merged", self.folder / "tasks"
        for arguments, text in {
            (self.folder / "no", "--tasks", data):
                f"{self.folder}/no: is not there; the harness loads Hugging Face folders: dare-convert {self.folder}/no FOLDER makes one",
            (data, "--tasks", data):
                f"{data}: has no config.json; transformers needs it, and the tokenizer's files: take them from the base model's folder",
            (model, "--tasks", data, "--task", "glue"): f"{data}: defines no task glue; there are: sort, swap",
        }.items():
            done = run(*EVALUATE, *arguments)
            self.assertEqual((done.returncode, done.stderr.splitlines()[-1]), (3, f"evaluate: {text}"))


if __name__ == "__main__":
    unittest.main()
