"""What dare-sweep refuses, and in which words."""

import json
import os
import re
import unittest

from dare_sweep import SweepTest, rows
from dare_system import FAULTS, contents, own_words, run


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
  p: {lambda: much, sede: 1}
outputs: deltas
keep: best
gird: {}
"""
        name = self.path("sweep.yml")
        self.assert_refused(self.sweep(2, text), 2, f"""12 problems found:
  {name}:5: drop_rate: 1.5 is outside [0, 1]
  {name}:5: drop_rate: expected a number, found "x"
  {name}:5: drop_rate: 0.5 is given twice ({name}:5 and {name}:5): two points would be the same
  {name}:6: unknown key "sed" in grid; did you mean seed?
  {name}:7: seed: an empty list leaves no point
  {name}:8: merge_method "dare_liner" is not known; did you mean dare_linear?
  {name}:10: "bad/name" is no name for a point; use letters, digits and ._+=,-, but not points, results.csv, results.json
  {name}:11: lambda: expected a number, found "much"
  {name}:11: unknown key "sede" in a point; did you mean seed?
  {name}:12: outputs: expected model, delta or statistics, found "deltas"
  {name}:14: unknown key "gird" in a sweep; did you mean grid?
  {name}: keep: best without evaluate would delete what nobody has scored; give evaluate, or keep: all""", "dare-sweep")

    def test_a_folder_is_no_sweep(self):
        os.mkdir(self.path("base"))
        process = run(0, "dare-sweep", self.path("base"), self.path("swept"))
        self.assert_refused(process, 2, f"{self.path('base')}: a folder, expected a sweep; give the file in it", "dare-sweep")
        self.assert_refused(self.sweep(0, "recipe: base\ngrid: {seed: [1]}\n"), 2, f"{self.path('base')}: a folder, expected a recipe; give the file in it",
                            "dare-sweep")

    def test_a_folder_that_is_a_link_to_nowhere(self):
        self.make_family()
        text = self.recipe + "grid: {drop_rate: [0.1]}\n"
        os.symlink("gone", self.path("swept"))
        for more in ([], ["--plan"]):
            self.assert_refused(self.sweep(2, text, *more), 3, f"{self.path('swept')}: is a link to gone, which is not there; make that folder, or name another",
                                "dare-sweep")
        os.mkdir(self.path("gone"))
        self.assertEqual(self.swept(0, text)["done"], 1)
        os.symlink("gone", self.path("other"))  # one that leads somewhere is followed
        self.assertEqual(self.swept(0, text, output="other")["done_before"], 1)

    def test_too_little_memory_is_refused_before_anything_is_made(self):
        self.make_family()
        for outputs in ("model", "statistics"):
            text = self.recipe + f"outputs: {outputs}\ngrid: {{drop_rate: [0.1, 0.2, 0.3]}}\n"
            for np, more in ((1, []), (2, []), (2, ["--groups", "2"]), (1, ["--plan"]), (1, ["--plan", "--ranks", "8", "--nodes", "2"])):
                with self.subTest(outputs=outputs, np=np, more=more):
                    self.assert_refused(self.sweep(np, text, "--memory-per-rank", "1", *more), 2,
                                        "--memory-per-rank 1: this needs at least 1MiB a rank", "dare-sweep")
                    self.assertFalse(os.path.exists(self.path("swept")))

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
        self.assert_refused(self.sweep(0, text), 2, f"""5 problems found:
  {name}:3: m0.safetensors: dare_linear needs a drop_rate or a density
  {name}:3: m1.safetensors: dare_linear needs a drop_rate or a density
  {name}:6: 3 values of drop_rate for 2 models; give one for all, or one a model
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

    def test_the_records_of_another_sweep_get_no_results(self):
        self.make_family()
        os.makedirs(self.path("swept/points"))
        open(self.path("swept/points/.lock"), "w").close()
        process = self.sweep(0, self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n", output="swept/points")
        self.assert_refused(process, 3, f"{self.path('swept/points')}: holds the records of another sweep's points; name another folder", "dare-sweep")

    def test_a_models_folder_gets_no_results(self):
        self.make_family()
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n"
        self.merged(self.recipe + "parameters: {drop_rate: 0.5}\n", "model")
        before = contents(self.path("model"))
        for more in (["--plan"], []):
            process = self.sweep(2, text, *more, output="model")
            self.assert_refused(process, 3, f"{self.path('model')}: is a model's folder, it holds dare-manifest.json; a sweep's results get a folder of their own, "
                                            "name another", "dare-sweep")
        self.assertEqual(contents(self.path("model")), before)

    def test_what_does_not_fit_the_free_space(self):
        self.make_family()
        grid = "grid: {drop_rate: [0.1, 0.2, 0.3, 0.4]}\n"
        bytes_ = json.loads(self.sweep(0, self.recipe + grid, "--plan", "--json").stdout)["bytes_written"]
        free = {"LD_PRELOAD": FAULTS, "DARE_FAULT_FREE": str(bytes_ - 1)}
        for more in (["--plan"], []):
            process = self.sweep(2, self.recipe + grid, *more, **free)
            self.assertEqual(process.returncode, 3, process.stderr)
            self.assertRegex(own_words(process, "dare-sweep")[0], rf"^dare-sweep: {self.path('swept')}: needs [\d.]+ MB \({bytes_} bytes\) for the checkpoints that are "
                             r"there at once, [\d.]+ MB are free; make room, or name a folder elsewhere, or keep fewer: keep: best or none with evaluate, "
                             r"outputs: delta or statistics")
            self.assertEqual(process.stdout.startswith("points "), more == ["--plan"])
        # Of those that are deleted once they are scored only so many are there at once as fit.
        scored = self.recipe + grid + "evaluate: echo '{\"x\":' $(stat -c %s \"$CHECKPOINT/model.safetensors\") '}'\n"
        self.assertEqual(self.sweep(2, scored + "keep: none\n", "--plan", **free).returncode, 0)
        self.assertEqual(self.swept(0, scored + "keep: none\n", output="none", **free)["passes"], 2)
        free["DARE_FAULT_FREE"] = str(bytes_ // 4 - 1)
        self.assertEqual(self.sweep(0, scored + "keep: none\n", "--plan", **free).returncode, 3)
        self.assertEqual(self.sweep(0, self.recipe + grid + "outputs: statistics\n", "--plan", **free).returncode, 0)

    def test_points_that_are_equal_by_definition_are_said(self):
        self.make_family()
        text = self.recipe + "outputs: KIND\ngrid: {drop_rate: [0, 0.5], seed: [1, 2, 3]}\n"
        words = ("dare-sweep: 2 of 6 points to do give what another gives, such as drop_rate=0,seed=2 and drop_rate=0,seed=1: where nothing is drawn the seed "
                 "makes no difference, where nothing is dropped the rescale; ")
        once = words + "they are measured once, and each has its row"
        words += "such a point is enough once, under points"
        for outputs, expected in (("model", [words]), ("statistics", [once]), ("delta", [])):
            process = self.sweep(0, text.replace("KIND", outputs), "--plan", "--json")
            self.assertEqual((process.returncode, own_words(process, "dare-sweep")), (0, expected))
            self.assertEqual(json.loads(process.stdout)["equal"], 2 * len(expected))
        self.assertEqual(own_words(self.sweep(2, text.replace("KIND", "model")), "dare-sweep"), [words])
        hashes = {name: row["xxh3_128"] for name, row in rows(self.path("swept")).items()}
        self.assertEqual(len({hashes[f"drop_rate=0,seed={seed}"] for seed in (1, 2, 3)}), 1)
        self.assertEqual(len(set(hashes.values())), 4)
        self.assertEqual(own_words(self.sweep(2, text.replace("KIND", "model")), "dare-sweep"), [])  # nothing is to do

    def test_help_has_no_words_of_other_programs(self):
        text = run(0, "dare-sweep", "--help").stdout
        for word in ("OUTPUT", "explanation", "notes on the merge", "go on with --resume", "neither --resume"):
            self.assertNotIn(word, text)
        text = run(0, "dare-convert", "--help").stdout
        for word in ("OUTPUT", "explanation", "notes on the merge", "hash-inputs", "recipe is wrong"):
            self.assertNotIn(word, text)

    def test_words(self):
        self.assert_refused(run(0, "dare-sweep", "a"), 2, "1 word given, expected SWEEP.yml OUTDIR; see dare-sweep --help", "dare-sweep")
        self.make_family()
        self.assert_refused(self.sweep(2, self.recipe + "grid: {drop_rate: [0.5]}\n", "--groups", "3"), 2,
                            "--groups 3: give a number from 1 to 2, the number of ranks", "dare-sweep")
        self.assert_refused(self.sweep(0, self.recipe), 2, f"{self.path('sweep.yml')}: neither grid nor points give any point", "dare-sweep")

    def test_points_of_another_kind_of_output(self):
        self.make_family()
        def text(outputs):
            return self.recipe + f"outputs: {outputs}\ngrid: {{drop_rate: [0.5]}}\n"
        for before, after, was in (("model", "statistics", "another"), ("statistics", "model", "statistics"), ("statistics", "delta", "statistics"),
                                   ("delta", "statistics", "another")):
            with self.subTest(before=before, after=after):
                folder = f"{before}-{after}"
                self.swept(0, text(before), output=folder)
                self.assert_refused(self.sweep(0, text(after), output=folder), 3,
                                    f"{self.path(folder, 'drop_rate=0.5')}: was made by another run: outputs was {was}; name another folder, or give --overwrite",
                                    "dare-sweep")


if __name__ == "__main__":
    unittest.main()
