"""dare-sweep: each point's bytes are dare-merge's, a rerun does what is missing, points fail alone, scores are collected."""

import csv
import importlib.util
import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import time
import unittest

from dare_system import (SystemTest, command, contents, environment, own_words, random_model, read_safetensors, run, with_fault,
                         write_safetensors)


def rows(folder):
    with open(os.path.join(folder, "results.csv"), newline="") as file:
        return {row["point"]: row for row in csv.DictReader(file)}


class SweepTest(SystemTest):
    shapes = {"model.embed.weight": [300, 32], "model.layers.0.up.weight": [1100, 1024], "model.norm.weight": [32], "empty": [0, 4], "scalar": []}
    recipe = """merge_method: dare_linear
base_model: base.safetensors
models:
  - {model: m0.safetensors, parameters: {weight: 0.5}}
  - {model: m1.safetensors, parameters: {weight: 0.25}}
seed: 7
"""

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def sweep(self, np, text, *more, output="swept", timeout=120, **env):
        return run(np, "dare-sweep", self.write("sweep.yml", text), self.path(output), *more, timeout=timeout, **env)

    def swept(self, np, text, *more, output="swept", **env):
        """A sweep that ends well; its summary."""
        process = self.sweep(np, text, "--json", *more, output=output, **env)
        self.assertEqual(process.returncode, 0, process.stderr)
        return json.loads(process.stdout)

    def merged(self, recipe, output):
        process = run(2, "dare-merge", self.write("point.yml", recipe), self.path(output))
        self.assertEqual(process.returncode, 0, process.stderr)
        return contents(self.path(output))

    def assert_same(self, got, expected, what):
        self.assertEqual(sorted(got), sorted(expected), what)
        for name in expected:
            self.assertTrue(got[name] == expected[name], f"{what}: {name} differs")


class Models(SweepTest):
    def setUp(self):
        super().setUp()
        self.make_family()
        write_safetensors(self.path("other.safetensors"), random_model(self.shapes, "other"), {"format": "pt"})

    def test_every_point_is_what_dare_merge_writes(self):
        text = self.recipe + """
grid:
  drop_rate: [0, 0.9, [0.25, 0.75]]
  seed: [7, 8]
points:
  ties: {merge_method: dare_ties, drop_rate: 0.5, lambda: 0.75}
  raw: {drop_rate: 0.5, rescale: none, weight: [1, -0.5]}
  other:
    models: {models: [{model: m0.safetensors}, {model: other.safetensors, parameters: {drop_rate: 0.1}}]}
    drop_rate: 0.3
  magnitude: {merge_method: magnitude_prune, density: 0.2}
"""
        models = "models:\n  - {model: m0.safetensors, parameters: {weight: %s, %s}}\n  - {model: %s, parameters: {weight: %s, %s}}\n"

        def recipe(method, w0, r0, w1, r1, second="m1", rest="", seed=7):
            return (f"merge_method: {method}\nbase_model: base.safetensors\nseed: {seed}\n" + models % (w0, r0, second + ".safetensors", w1, r1) + rest)

        expected = {}
        for seed in (7, 8):
            for name, r0, r1 in (("0", 0, 0), ("0.9", 0.9, 0.9), ("0.25+0.75", 0.25, 0.75)):
                expected[f"drop_rate={name},seed={seed}"] = recipe("dare_linear", 0.5, f"drop_rate: {r0}", 0.25, f"drop_rate: {r1}", seed=seed)
        expected["ties"] = recipe("dare_ties", 0.5, "drop_rate: 0.5", 0.25, "drop_rate: 0.5", rest="parameters: {lambda: 0.75}\n")
        expected["raw"] = recipe("dare_linear", 1, "drop_rate: 0.5", -0.5, "drop_rate: 0.5", rest="parameters: {rescale: none}\n")
        expected["other"] = recipe("dare_linear", 1, "drop_rate: 0.3", 1, "drop_rate: 0.3", second="other")
        expected["magnitude"] = recipe("magnitude_prune", 0.5, "density: 0.2", 0.25, "density: 0.2")
        expected = {name: self.merged(text_of, "merged." + name) for name, text_of in expected.items()}
        for np, more in ((1, []), (2, ["--writers", "all"]), (3, ["--groups", "2"]), (3, ["--groups", "3"])):
            with self.subTest(np=np, more=more):
                output = f"swept{np}{''.join(more)}"
                summary = self.swept(np, text, *more, output=output)
                self.assertEqual((summary["done"], summary["failed"]), (10, 0))
                for name in expected:
                    self.assert_same(contents(self.path(output, name)), expected[name], name)
                table = rows(self.path(output))
                self.assertEqual(sorted(table), sorted(expected))
                self.assertEqual(len({row["xxh3_128"] for row in table.values()}), 9)  # nothing dropped: no seed enters
                self.assertEqual({row["status"] for row in table.values()}, {"done"})
        self.assertEqual(table["drop_rate=0.25+0.75,seed=8"]["drop_rate"], "0.25+0.75")
        self.assertEqual(table["raw"]["rescale"], "none")
        self.assertEqual(table["ties"]["lambda"], "0.75")
        with open(self.path(output, "results.json")) as file:
            self.assertEqual([row["point"] for row in json.load(file)], list(table))

    def test_other_formats_and_a_recipe_of_its_own_file(self):
        os.mkdir(self.path("recipes"))
        self.write("recipes/base.yml", self.recipe.replace("base.s", "../base.s").replace("m0", "../m0").replace("m1", "../m1") + "dtype: float32\n")
        with open(self.path("recipes/base.yml")) as file:
            recipe = file.read().replace("seed: 7", "seed: 7\nparameters: {drop_rate: 0.5}")
        self.write("recipes/point.yml", recipe)
        for kind in ("safetensors", "h5"):
            with self.subTest(kind=kind):
                process = run(1, "dare-merge", self.path("recipes/point.yml"), self.path(f"expected.{kind}"))
                self.assertEqual(process.returncode, 0, process.stderr)
                self.swept(2, f"recipe: recipes/base.yml\nformat: {kind}\ngrid: {{drop_rate: [0.5, 0.75]}}\n", output=kind)
                for ending in ("", ".manifest.json"):
                    self.assertTrue(contents(self.path(kind, f"drop_rate=0.5.{kind}{ending}")) == contents(self.path(f"expected.{kind}{ending}")))

    def test_one_pass_where_there_is_room_and_more_where_there_is_not(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3, 0.4]}\n"
        plan = self.sweep(2, text, "--plan", "--json")
        self.assertEqual(plan.returncode, 0, plan.stderr)
        plan = json.loads(plan.stdout)
        self.assertEqual(plan["passes"], [4])
        self.assertEqual(plan["memory_per_rank"], 512 << 20)
        self.assertFalse(os.path.exists(self.path("swept")))
        told = self.sweep(2, text, "--plan").stdout
        for line in (r"passes +1 \(points: 4\)", r"reads +[\d.]+ MB \(\d+ bytes\)", r"memory +537 MB a rank at most, of it \d+ kB for the points of a pass"):
            self.assertRegex(told, line)
        few = json.loads(self.sweep(2, text, "--plan", "--json", "--memory-per-rank", "1MiB", output="small").stdout)
        self.assertEqual(sorted(few["passes"], reverse=True), few["passes"])
        self.assertGreater(len(few["passes"]), 1)
        self.assertLessEqual(few["memory_of_points"], few["memory_per_rank"] // 4)
        one = self.swept(2, text)
        self.assertEqual((one["passes"], one["bytes_read"], one["bytes_written"]), (1, plan["bytes_read"], plan["bytes_written"]))
        few = json.loads(self.sweep(2, text, "--plan", "--json", "--groups", "2", output="other").stdout)
        self.assertEqual(few["passes"], [2, 2])
        self.assertEqual(few["bytes_read"], 2 * plan["bytes_read"])
        files = subprocess.run(["bash", "-c", "ulimit -n 140 && exec \"$@\"", "bash", *command(0, "dare-sweep", self.path("sweep.yml"), self.path("files"), "--plan", "--json")],
                               env=environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual(json.loads(files.stdout)["passes"], [2, 2], files.stderr)  # 12 files: 3 inputs, 3 a point

    def test_a_rerun_does_only_what_is_missing(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3]}\n"
        self.swept(2, text)
        before = contents(self.path("swept"))
        again = self.swept(3, text, "--groups", "2")
        self.assertEqual((again["done_before"], again["done"], again["bytes_read"]), (3, 0, 0))
        self.assert_same(contents(self.path("swept")), before, "after a rerun")
        # A record without its checkpoint, a checkpoint without its record.
        subprocess.run(["rm", "-r", self.path("swept", "drop_rate=0.1")], check=True)
        os.remove(self.path("swept", "points", "drop_rate=0.2.json"))
        third = self.swept(2, text)
        self.assertEqual((third["done_before"], third["done"]), (2, 1))
        after = contents(self.path("swept"))
        self.assertEqual(rows(self.path("swept"))["drop_rate=0.2"]["xxh3_128"], json.loads(before["points/drop_rate=0.2.json"])["xxh3_128"])
        for name in before:
            if name.endswith(("safetensors", "dare-manifest.json")):
                self.assertTrue(after[name] == before[name], name)
        more = self.swept(2, text.replace("0.3", "0.3, 0.4"))
        self.assertEqual((more["done_before"], more["done"]), (3, 1))
        self.assertEqual(list(rows(self.path("swept"))), [f"drop_rate=0.{i}" for i in range(1, 5)])

    def test_results_of_other_settings_are_not_taken_for_these(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\n"
        self.swept(1, text)
        other = text.replace("drop_rate: 0.5", "drop_rate: 0.25")
        self.assert_refused(self.sweep(2, other), 3, f"{self.path('swept', 'p')}: was made by another run: recipe.models[0].drop_rate: 0.25, was 0.5\n"
                            "  recipe.models[1].drop_rate: 0.25, was 0.5; name another folder, or give --overwrite", "dare-sweep")
        os.remove(self.path("swept", "points", "p.json"))
        process = self.sweep(2, other)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn("recipe.models[0].drop_rate: 0.25, was 0.5", process.stderr)
        self.assertEqual(self.swept(2, other, "--overwrite")["done"], 1)
        self.assert_same(contents(self.path("swept", "p")), self.merged(self.recipe + "parameters: {drop_rate: 0.25}\n", "expected"), "p")

    def test_a_point_fails_alone(self):
        # 1e38 * 1e4 is no float32 and no bfloat16; a model that is not there fails its own points.
        text = self.recipe + """points:
  good: {drop_rate: 0.5}
  large: {drop_rate: 0.5, lambda: 1e38, weight: 1e4}
  gone: {drop_rate: 0.5, models: {models: [{model: gone.safetensors}]}}
  fine: {drop_rate: 0.25}
"""
        process = self.sweep(2, text, "--json")
        self.assertEqual(process.returncode, 3, process.stderr)
        summary = json.loads(process.stdout)
        self.assertEqual((summary["done"], summary["failed"]), (2, 2))
        words = "\n".join(own_words(process, "dare-sweep"))
        self.assertRegex(words, r'dare-sweep: point large: tensor "model.embed.weight": element \d+ becomes ')
        self.assertRegex(words, r"dare-sweep: point gone: .*gone.safetensors")
        table = rows(self.path("swept"))
        self.assertEqual({name: row["status"] for name, row in table.items()}, {"good": "done", "large": "failed", "gone": "failed", "fine": "done"})
        self.assertIn("model.embed.weight", table["large"]["error"])
        self.assertEqual(table["large"]["output"], "")
        self.assertFalse(os.path.exists(self.path("swept", "large")))
        self.assertEqual([name for name in os.listdir(self.path("swept")) if name.startswith(".")], [])
        self.assert_same(contents(self.path("swept", "good")), self.merged(self.recipe + "parameters: {drop_rate: 0.5}\n", "expected"), "good")
        mended = self.swept(2, text.replace("lambda: 1e38", "lambda: 1").replace("gone.s", "other.s"))
        self.assertEqual((mended["done_before"], mended["done"]), (2, 2))

    def test_a_failing_disk_loses_nothing_that_is_finished(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3]}\n"
        self.swept(2, text, output="expected")
        process = self.sweep(2, text, **with_fault("pwrite:2:ENOSPC:0", "drop_rate=0.2.partial/model"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("No space left on device", process.stderr)
        self.assertEqual({row["status"] for row in rows(self.path("swept")).values()}, {"failed"})
        self.assertEqual(self.swept(1, text, "--resume")["done"], 3)
        self.assert_same(contents(self.path("swept")), contents(self.path("expected")), "after resume")

    def test_a_killed_sweep_goes_on(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3]}\n"
        self.swept(2, text, output="expected")
        # After the second point's rename and before its record.
        process = self.sweep(2, text, **with_fault("rename:1:KILL:0", ".drop_rate=0.1.json"))
        self.assertNotEqual(process.returncode, 0)
        self.assertTrue(os.path.exists(self.path("swept", "drop_rate=0.1")))
        summary = self.swept(2, text, "--resume")
        self.assertEqual((summary["done_before"], summary["done"]), (3, 0))
        expected = rows(self.path("expected"))
        for name, row in rows(self.path("swept")).items():
            self.assertEqual(row["xxh3_128"], expected[name]["xxh3_128"])

    def test_two_sweeps_in_one_folder(self):
        text = self.recipe + "grid: {drop_rate: [0.1]}\n"
        self.write("sweep.yml", text)
        first = subprocess.Popen(command(1, "dare-sweep", self.path("sweep.yml"), self.path("swept")),
                                 env=environment(**with_fault("fsync:1:STOP:0", ".partial")), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            while not os.path.exists(self.path("swept", ".drop_rate=0.1.partial")):
                time.sleep(0.01)
            self.assert_refused(self.sweep(2, text), 3, f"{self.path('swept')}: another sweep is writing there (it holds "
                                f"{self.path('swept', 'points', '.lock')}); wait for it, or name another folder", "dare-sweep")
        finally:
            subprocess.run(["pkill", "-CONT", "-P", str(first.pid)], check=False)
            first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)


class Refusals(SweepTest):
    def test_every_error_at_once_with_its_line(self):
        self.make_family()
        text = """merge_method: dare_linear
base_model: base.safetensors
models: [{model: m0.safetensors}]
grid:
  drop_rate: [0.5, 1.5, x, 0.50]
  sed: [1]
  seed: []
  merge_method: [dare_liner]
points:
  bad/name: {drop_rate: 0.5}
  p: {lambda: much, keep: 1}
outputs: deltas
keep: best
gird: {}
"""
        name = self.path("sweep.yml")
        self.assert_refused(self.sweep(2, text), 2, f"""12 problems found, nothing was written:
  {name}:5: drop_rate: 1.5 is outside [0, 1]
  {name}:5: drop_rate: expected a number, found "x"
  {name}:5: drop_rate: 0.5 is given twice ({name}:5 and {name}:5): two points would be the same
  {name}:6: unknown key "sed" in grid; did you mean seed?
  {name}:7: seed: an empty list leaves no point
  {name}:8: merge_method "dare_liner" is not known; did you mean dare_linear?
  {name}:10: "bad/name" is no name for a point; use letters, digits and ._+=,-, but not points, results.csv, results.json
  {name}:11: lambda: expected a number, found "much"
  {name}:11: unknown key "keep" in a point; did you mean seed?
  {name}:12: outputs: expected model, delta or statistics, found "deltas"
  {name}:14: unknown key "gird" in a sweep; did you mean grid?
  {name}: keep: best without evaluate would delete what nobody has scored; give evaluate, or keep: all""", "dare-sweep")

    def methods(self):
        text = run(0, "dare-merge", "--help").stdout
        return re.findall(r"^  (\w+)", text.split("Methods:\n")[1].split("\n\n")[0], re.MULTILINE)

    def test_errors_of_points(self):
        self.make_family()
        text = """merge_method: dare_linear
base_model: base.safetensors
models: [{model: m0.safetensors}, {model: m1.safetensors}]
points:
  none: {seed: 1}
  three: {drop_rate: [0.1, 0.2, 0.3]}
  ties: {merge_method: ties, density: 0.5}
  same: {density: 0.5, merge_method: ties}
  linear: {merge_method: linear, drop_rate: 0.5}
"""
        name = self.path("sweep.yml")
        self.assert_refused(self.sweep(1, text), 2, f"""5 problems found, nothing was written:
  {name}:3: m0.safetensors: dare_linear needs a drop_rate or a density
  {name}:3: m1.safetensors: dare_linear needs a drop_rate or a density
  {name}:6: drop_rate: 3 values for 2 models; give one for all, or one a model
  {name}:8: point same has the settings of ties
  {name}:9: linear drops nothing: drop_rate can only be 0; choose a method that drops""", "dare-sweep")

    def test_a_million_points_are_not_begun(self):
        self.make_family()
        numbers = ", ".join(str(i) for i in range(1000))
        text = self.recipe + f"grid: {{drop_rate: [0.5], seed: [{numbers}], lambda: [{numbers}]}}\n"
        process = self.sweep(2, text)
        self.assertEqual(process.returncode, 2, process.stderr)
        words = own_words(process, "dare-sweep")[0]
        self.assertRegex(words, r"sweep.yml: 1000000 points, more than 10000 are done only with --yes. If all cost what the first does they write "
                                r"\d\.\d\de\+12 bytes and take \d+ passes of up to \d+ points, which read [\d.e+]+ bytes; ")
        self.assertFalse(os.path.exists(self.path("swept")))

    def test_words(self):
        self.assert_refused(run(1, "dare-sweep", "a"), 2, "1 words given, expected SWEEP.yml OUTDIR; see dare-sweep --help", "dare-sweep")
        self.make_family()
        self.assert_refused(self.sweep(2, self.recipe + "grid: {drop_rate: [0.5]}\n", "--groups", "3"), 2,
                            "--groups 3: give a number from 1 to 2, the number of ranks", "dare-sweep")
        self.assert_refused(self.sweep(1, self.recipe), 2, f"{self.path('sweep.yml')}: neither grid nor points give any point", "dare-sweep")


class Evaluation(SweepTest):
    shapes = {"a.weight": [40, 32]}

    def setUp(self):
        super().setUp()
        self.make_family()
        # Scores a point by its name, and writes down what it was asked.
        self.script = self.write("score.py", f"""
import json, os, sys, time
checkpoint, point = sys.argv[1:]
assert os.path.exists(os.path.join(checkpoint, "model.safetensors")), checkpoint
with open({self.path("asked")!r}, "a") as file: file.write(point + "\\n")
if "OMPI_COMM_WORLD_SIZE" in os.environ: sys.exit("the launcher's environment is here")
rate = float(point.split("=")[1])
if os.path.exists({self.path("fail")!r}) and rate == 0.2:
    print("trouble", file=sys.stderr); sys.exit(5)
if os.path.exists({self.path("hang")!r}) and rate == 0.3:
    if os.fork() == 0: time.sleep(1000)
    open({self.path("pid")!r}, "w").write(str(os.getpgrp())); time.sleep(1000)
print("some words"); print(json.dumps({{"accuracy": 1 - abs(rate - 0.3), "by": {{"task": 2}}}}))
""")

    def text(self, *more):
        return self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3, 0.4]}\n" + f"evaluate: python3 {self.script} {{checkpoint}} {{point}}\n" + "".join(line + "\n" for line in more)

    def asked(self):
        with open(self.path("asked")) as file:
            return sorted(file.read().split())

    def there(self):
        return sorted(name for name in os.listdir(self.path("swept")) if name.startswith("drop_rate"))

    def test_scores_are_collected(self):
        for np, more in ((1, []), (3, ["--groups", "2"])):
            with self.subTest(np=np):
                output = f"swept{np}"
                self.swept(np, self.text(), *more, output=output)
                table = rows(self.path(output))
                self.assertEqual({name: float(row["accuracy"]) for name, row in table.items()},
                                 {f"drop_rate={rate}": 1 - abs(rate - 0.3) for rate in (0.1, 0.2, 0.3, 0.4)})
                self.assertEqual({row["by.task"] for row in table.values()}, {"2"})
        self.assertEqual(len(self.asked()), 8)

    def test_keep_none_and_best(self):
        self.swept(2, self.text("keep: none"))
        self.assertEqual(self.there(), [])
        self.assertEqual([row["status"] for row in rows(self.path("swept")).values()], ["done"] * 4)
        self.assertEqual(self.swept(2, self.text("keep: none"))["done_before"], 4)
        self.assertEqual(len(self.asked()), 4)
        for best, expected in (("highest", "drop_rate=0.3"), ("lowest", "drop_rate=0.1")):
            subprocess.run(["rm", "-r", self.path("swept")], check=True)
            self.swept(3, self.text("keep: best", "score: accuracy", f"best: {best}"), "--groups", "2")
            self.assertEqual(self.there(), [expected])
            table = rows(self.path("swept"))
            self.assertEqual({name: row["output"] for name, row in table.items() if row["output"]}, {expected: expected})

    def test_one_that_fails_and_one_that_hangs(self):
        for name in ("fail", "hang"):
            self.write(name, "")
        process = self.sweep(2, self.text("keep: none", "evaluate_timeout: 1"), "--json")
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertEqual((json.loads(process.stdout)["done"], json.loads(process.stdout)["failed"]), (2, 2))
        logs = [self.path("swept", "points", f"drop_rate={rate}.log") for rate in (0.2, 0.3)]
        self.assertEqual(own_words(process, "dare-sweep"), [
            f"dare-sweep: point drop_rate=0.2: evaluate ended with exit code 5; its messages are in {logs[0]}",
            f"dare-sweep: point drop_rate=0.3: evaluate ran longer than evaluate_timeout, 1 s, and was killed; its messages are in {logs[1]}"])
        with open(logs[0]) as file:
            self.assertEqual(file.read(), "trouble\n")
        with open(self.path("pid")) as file:
            self.assertEqual(running_in_group(int(file.read())), [])
        self.assertEqual(self.there(), ["drop_rate=0.2", "drop_rate=0.3"])  # not scored, so not deleted
        self.assertEqual(rows(self.path("swept"))["drop_rate=0.2"]["status"], "unscored")
        for name in ("fail", "hang"):
            os.remove(self.path(name))
        summary = self.swept(2, self.text("keep: none"))
        self.assertEqual((summary["done_before"], summary["done"], summary["bytes_read"]), (2, 2, 0))
        self.assertEqual(self.there(), [])
        self.assertEqual(len(self.asked()), 6)

    def test_output_that_is_no_score(self):
        for printed, message in (("hello", "evaluate's last line is no JSON object of scores such as {\"accuracy\": 0.91}: hello"),
                                 ("", "evaluate's last line is no JSON object of scores such as {\"accuracy\": 0.91}: it printed nothing"),
                                 ('{"a": "b"}', 'score "a" is "b", expected a number')):
            with self.subTest(printed=printed):
                text = self.recipe + "points: {p: {drop_rate: 0.5}}\nevaluate: |\n  printf '%s' '" + printed + "'\n"
                process = self.sweep(1, text, output=f"swept{len(printed)}")
                self.assertEqual(process.returncode, 1)
                self.assertEqual(own_words(process, "dare-sweep"), ["dare-sweep: point p: " + message])

    def test_a_signal_during_an_evaluation(self):
        self.write("hang", "")
        self.write("sweep.yml", self.text())
        process = subprocess.Popen(command(2, "dare-sweep", self.path("sweep.yml"), self.path("swept")), env=environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        while not (os.path.exists(self.path("pid")) and os.path.getsize(self.path("pid"))):
            time.sleep(0.01)
        process.send_signal(signal.SIGUSR1)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, errors)
        self.assertIn("stopped by signal 10 (SIGUSR1); 2 of 4 points are done, the same command with --resume does the rest", errors)
        with open(self.path("pid")) as file:
            self.assertEqual(running_in_group(int(file.read())), [])
        os.remove(self.path("hang"))
        summary = self.swept(2, self.text(), "--resume")
        self.assertEqual((summary["done_before"], summary["done"], summary["bytes_read"]), (2, 2, 0))


def running_in_group(group):
    """Processes of a group; what has ended and waits for its parent does not run."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, _, of_group = file.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state != "Z":
            found.append(int(name))
    return found


class Statistics(SweepTest):
    # More than one block of the sums, and less; bfloat16 is merged in float32, so a merge to float32 shows results before rounding.
    shapes = {"large": [300, 700], "small": [5, 7], "empty": [0, 4]}
    text = SweepTest.recipe + """outputs: statistics
grid: {drop_rate: [0, 0.5, 0.9], rescale: [expected, none]}
points: {ties: {merge_method: dare_ties, drop_rate: [0.5, 0.25], lambda: 0.5}}
"""
    names = [f"drop_rate={rate},rescale={rescale}" for rate in (0, 0.5, 0.9) for rescale in ("expected", "none")] + ["ties"]

    def setUp(self):
        super().setUp()
        self.make_family()

    def values(self, recipe, *options):
        """The values of a merge by tensor, as float32."""
        process = run(1, "dare-merge", self.write("one.yml", recipe), self.path("one.safetensors"), "--overwrite", *options)
        self.assertEqual(process.returncode, 0, process.stderr)
        return self.read("one.safetensors")

    def read(self, name):
        def decoded(dtype, data):
            return struct.unpack(f"<{len(data) // 4}f", data) if dtype == "F32" else [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]
        return {tensor: decoded(dtype, data) for tensor, (dtype, _, data) in read_safetensors(self.path(name)).items()}

    def expected(self, method, rates, rescale, rest=""):
        """By tensor, from merges alone: which elements a merge of one model without rescale moves are those that are kept."""
        base, models = self.read("base.safetensors"), [self.read(f"m{k}.safetensors") for k in (0, 1)]
        one = "merge_method: {}\nbase_model: base.safetensors\nseed: 7\nmodels:\n{}parameters: {{rescale: {}{}}}\n"
        entry = "  - {{model: m{0}.safetensors, stream: {0}, parameters: {{weight: {1}, drop_rate: {2}}}}}\n"
        both = [entry.format(k, weight, rate) for k, weight, rate in zip((0, 1), (0.5, 0.25), rates)]
        alone = [self.values(one.format("dare_linear", entry.format(k, 1, rates[k]), "none", ""), "--dtype", "F32") for k in (0, 1)]
        merged = self.values(one.format(method, "".join(both), rescale, rest), "--dtype", "F32")
        rounded = self.values(one.format(method, "".join(both), rescale, rest))
        whole = self.values(one.format(method, "".join(entry.format(k, weight, 0) for k, weight in zip((0, 1), (0.5, 0.25))), "none", rest), "--dtype", "F32")
        found = {}
        for tensor, b in base.items():
            g = [1 / (1 - rate) if rescale == "expected" else 1 for rate in rates]
            kept = conflicts = lost = 0
            norm = error = dot = mm = uu = 0.0
            for i in range(len(b)):
                signs = set()
                for k in (0, 1):
                    delta = models[k][tensor][i] - b[i]
                    keeps = alone[k][tensor][i] != b[i] or delta == 0 and rates[k] == 0
                    kept += keeps
                    norm += delta ** 2
                    error += ((g[k] * delta if keeps else 0) - delta) ** 2
                    if keeps and delta:
                        signs.add(delta > 0)
                conflicts += len(signs) == 2
                m, u = merged[tensor][i] - b[i], whole[tensor][i] - b[i]
                dot, mm, uu = dot + m * u, mm + m * m, uu + u * u
                lost += m != 0 and rounded[tensor][i] == b[i]
            if b:
                found[tensor] = {"elements_merged": len(b), "kept_share": kept / (2 * len(b)), "relative_error": math.sqrt(error / norm),
                                 "cosine": dot / math.sqrt(mm * uu), "sign_conflicts": conflicts, "elements_lost": lost}
        return found

    def tensors(self, output, point):
        with open(self.path(output, "points", point + ".tensors.csv"), newline="") as file:
            return {row["tensor"]: row for row in csv.DictReader(file)}

    def test_statistics_are_those_of_a_plain_computation(self):
        summary = self.swept(2, self.text)
        self.assertEqual((summary["passes"], summary["bytes_written"], summary["done"]), (1, 0, 7))
        for point, arguments in (("drop_rate=0.5,rescale=expected", ("dare_linear", (0.5, 0.5), "expected")),
                                 ("drop_rate=0.9,rescale=none", ("dare_linear", (0.9, 0.9), "none")),
                                 ("drop_rate=0,rescale=none", ("dare_linear", (0, 0), "none")),
                                 ("ties", ("dare_ties", (0.5, 0.25), "expected", ", lambda: 0.5"))):
            expected = self.expected(*arguments)
            found = self.tensors("swept", point)
            self.assertEqual(list(found), list(expected))
            for tensor, values in expected.items():
                for key, value in values.items():
                    # A delta of exactly 0 cannot be told kept from dropped in a merge: some of 210,000 elements.
                    self.assertAlmostEqual(float(found[tensor][key]), value, delta=2e-3 if key == "kept_share" else 1e-5 * abs(value) + 1e-12,
                                           msg=f"{point} {tensor} {key}")
        table = rows(self.path("swept"))
        self.assertEqual(list(table), self.names)
        self.assertAlmostEqual(float(table["drop_rate=0.9,rescale=expected"]["kept_share"]), 0.1, delta=0.002)
        self.assertAlmostEqual(float(table["drop_rate=0.9,rescale=expected"]["relative_error"]), 3, delta=0.03)  # sqrt(p / (1 - p))
        self.assertAlmostEqual(float(table["drop_rate=0.9,rescale=none"]["relative_error"]), math.sqrt(0.9), delta=0.003)
        self.assertEqual(sorted(os.listdir(self.path("swept"))), ["points", "results.csv", "results.json"])

    def test_they_do_not_depend_on_ranks_or_groups(self):
        self.shapes = {**self.shapes, "blocks": [1100, 2048]}  # of the grid: ranks share it
        self.make_family()
        self.swept(1, self.text, output="one")
        one = contents(self.path("one"))
        for np, more in ((2, []), (3, []), (3, ["--groups", "2"]), (2, ["--memory-per-rank", "4MiB"])):
            with self.subTest(np=np, more=more):
                output = f"swept{np}{''.join(more)}"
                self.swept(np, self.text, *more, output=output)
                self.assert_same(contents(self.path(output)), one, output)
        again = self.swept(2, self.text, output="one")
        self.assertEqual((again["done_before"], again["done"], again["bytes_read"]), (7, 0, 0))

    def test_methods_without_statistics_are_refused_by_name(self):
        for k in (0, 1):
            write_safetensors(self.path(f"f{k}.safetensors"), {name: ("F32", shape, struct.pack("<f", 1) * (shape[0] * shape[1])) for name, shape in self.shapes.items()})
        text = self.recipe.replace("parameters:", "fisher: f0.safetensors, parameters:", 1).replace("25}}", "25}, fisher: f1.safetensors}")
        process = self.sweep(2, text + "outputs: statistics\npoints: {p: {merge_method: dare_fisher, drop_rate: 0.5}}\n")
        self.assertEqual(process.returncode, 2, process.stderr)
        self.assertEqual(own_words(process, "dare-sweep"), [
            'dare-sweep: point p: tensor "large": outputs: statistics is not there for methods with auxiliary checkpoints (fisher, regmean) or '
            "weights by filter (model_stock with filter_wise); use outputs: model"])

    def test_a_point_fails_alone(self):
        text = self.recipe + "outputs: statistics\npoints: {good: {drop_rate: 0.5}, large: {drop_rate: 0.5, lambda: 1e38, weight: 1e4}}\n"
        process = self.sweep(3, text)
        self.assertEqual(process.returncode, 3, process.stderr)
        merged = run(1, "dare-merge", self.write("large.yml", self.recipe + "parameters: {lambda: 1e38}\n"), self.path("no"), "--weight", "1e4", "--drop-rate", "0.5")
        self.assertEqual(own_words(process, "dare-sweep"), [own_words(merged, "dare-merge")[0].replace("dare-merge: ", "dare-sweep: point large: ")])
        self.assertEqual({name: row["status"] for name, row in rows(self.path("swept")).items()}, {"good": "done", "large": "failed"})


class Deltas(SweepTest):
    # Runs of 65,536 and less, more than one block of the grid, an integer-free family with a scalar and nothing at all.
    shapes = {"model.embed.weight": [300, 32], "model.layers.0.up.weight": [1100, 1024], "flat": [65536 * 2 + 1], "empty": [0, 4], "scalar": []}
    text = SweepTest.recipe + """outputs: delta
grid: {drop_rate: [0, 0.9, [0.25, 0.75]], lambda: [1, 0.5]}
points:
  ties: {merge_method: dare_ties, density: 0.2, seed: 8}
"""

    def setUp(self):
        super().setUp()
        self.make_family()

    def restored(self, *place):
        process = run(2, "dare-merge", self.path(*place, "recipe.yml"), self.path("restored"), "--overwrite")
        self.assertEqual(process.returncode, 0, process.stderr)
        return contents(self.path("restored", "model.safetensors"))

    def test_every_point_merges_to_the_bytes_of_its_model(self):
        self.swept(2, self.text.replace("outputs: delta", "outputs: model"), output="models")
        points = list(rows(self.path("models")))
        self.assertEqual(len(points), 7)
        for kind, np in (("folder", 1), ("safetensors", 2), ("h5", 3)):
            summary = self.swept(np, self.text + f"format: {kind}\n", output=kind)
            self.assertEqual((summary["done"], summary["failed"], summary["passes"]), (7, 0, 1))
            ending = "" if kind == "folder" else f".{kind}"
            for point in points:
                with self.subTest(kind=kind, point=point):
                    self.assertEqual(sorted(os.listdir(self.path(kind, point))), ["dare-manifest.json", "model0" + ending, "model1" + ending, "recipe.yml"])
                    self.assertTrue(self.restored(kind, point) == contents(self.path("models", point, "model.safetensors")))
        sizes = {point: sum(len(data) for data in contents(self.path("safetensors", point)).values()) for point in points}
        self.assertLess(sizes["drop_rate=0.9,lambda=1"], 0.11 * sizes["drop_rate=0,lambda=1"] + 10000)
        table = rows(self.path("safetensors"))
        self.assertEqual({row["status"] for row in table.values()}, {"done"})
        self.assertEqual(len({row["xxh3_128"] for row in table.values()}), 4)  # lambda does not enter
        self.assertEqual(table["ties"]["output"], "ties")

    def test_rates_by_tensor_and_a_folder_elsewhere(self):
        os.mkdir(self.path("recipes"))
        recipe = self.recipe.replace("base.s", "../base.s").replace("m0", "../m0").replace("m1", "../m1")
        rates = "parameters: {drop_rate: [{filter: flat, value: 0.9}, {filter: up, density: 0.5, value: 0.5}, {value: 0.25}]}\n".replace("density: 0.5, ", "")
        self.write("recipes/base.yml", recipe + rates)
        self.swept(2, "recipe: recipes/base.yml\noutputs: delta\nformat: h5\npoints: {p: {lambda: 0.5}}\n")
        self.write("recipes/point.yml", recipe + rates.replace("}]}", "}], lambda: 0.5}"))
        process = run(1, "dare-merge", self.path("recipes/point.yml"), self.path("expected"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertTrue(self.restored("swept", "p") == contents(self.path("expected", "model.safetensors")))

    def test_they_do_not_depend_on_ranks_or_groups(self):
        self.swept(1, self.text, output="one")
        one = contents(self.path("one"))
        for np, more in ((2, []), (3, ["--groups", "2"]), (5, ["--memory-per-rank", "4MiB"])):
            output = f"swept{np}"
            self.swept(np, self.text, *more, output=output)
            self.assert_same(contents(self.path(output)), one, output)

    def test_what_is_done_is_not_done_again(self):
        plan = json.loads(self.sweep(2, self.text, "--plan", "--json").stdout)
        models = 2 * sum(2 * math.prod(shape) for shape in self.shapes.values())
        self.assertEqual((plan["passes"], plan["bytes_read"]), ([7], models))
        first = self.swept(2, self.text)
        self.assertEqual(first["bytes_read"], models)
        self.assertLess(abs(first["bytes_written"] / plan["bytes_written"] - 1), 0.05)
        again = self.swept(3, self.text)
        self.assertEqual((again["done_before"], again["done"], again["bytes_read"]), (7, 0, 0))
        os.remove(self.path("swept", "points", "ties.json"))
        subprocess.run(["rm", "-r", self.path("swept", "drop_rate=0.9,lambda=1")], check=True)
        third = self.swept(2, self.text)
        self.assertEqual((third["done_before"], third["done"]), (6, 1))
        os.remove(self.path("swept", "points", "ties.json"))
        name = self.path("swept", "ties")
        self.assert_refused(self.sweep(1, self.text.replace("outputs: delta", "outputs: model").replace("grid", "# grid")), 3,
                            f"{name}: was made by another run: outputs was another; name another folder, or give --overwrite", "dare-sweep")

    def test_a_failing_disk_leaves_nothing_half_made(self):
        text = self.recipe + "outputs: delta\ngrid: {drop_rate: [0.5, 0.9]}\n"
        process = self.sweep(2, text, **with_fault("pwrite:2:ENOSPC:0", "drop_rate=0.9.partial"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("No space left on device", process.stderr)
        self.assertEqual(sorted(os.listdir(self.path("swept"))), ["points", "results.csv", "results.json"])
        self.assertEqual(self.swept(2, text)["done"], 2)

    def test_methods_that_look_at_all_deltas_are_refused_by_name(self):
        process = self.sweep(2, self.recipe + "outputs: delta\npoints: {good: {drop_rate: 0.5}, l1: {drop_rate: 0.5, rescale: l1}}\n")
        self.assertEqual(process.returncode, 2, process.stderr)
        self.assertEqual(own_words(process, "dare-sweep"), [
            'dare-sweep: point l1: tensor "model.embed.weight": outputs: delta has what DARE keeps, the method looks at deltas beyond that; use '
            "dare_linear, dare_ties or another method of DARE without l1, or outputs: model"])
        self.assertEqual({name: row["status"] for name, row in rows(self.path("swept")).items()}, {"good": "done", "l1": "failed"})
        self.assert_refused(self.sweep(1, self.recipe + "outputs: delta\nevaluate: 'true'\npoints: {p: {drop_rate: 0.5}}\n", output="other"), 2,
                            f"{self.path('sweep.yml')}: outputs: delta writes no checkpoint that evaluate could be run on; use outputs: model", "dare-sweep")


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
                               ([self.results(), "f", "--y", "loss"], 'no finished point has a number under "loss"; there are: point, status, merge_method, '
                                "drop_rate, rescale, seed, cosine, accuracy, output, xxh3_128, error"),
                               ([self.results(), "f", "--series", "colour"], 'no column "colour"; there are: point, status, merge_method, drop_rate, rescale, seed, '
                                "cosine, accuracy, output, xxh3_128, error")):
            process = self.plot(*words)
            self.assertEqual((process.returncode, process.stderr), (1, f"plot-sweep: {message}\n"))

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
