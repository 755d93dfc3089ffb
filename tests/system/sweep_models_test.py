"""Sweeps that write checkpoints: each point's bytes are dare-merge's, passes are few, a point fails alone."""

import json
import os
import subprocess
import unittest

from dare_sweep import SweepTest, rows
from dare_system import command, contents, count, environment, own_words, random_model, run, write_safetensors


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
        for name, wanted in (("drop_rate=0.25+0.75,seed=8", ("", "0.25", "0.75")), ("drop_rate=0.9,seed=8", ("0.9", "0.9", "0.9")), ("other", ("0.3", "0.3", "0.3"))):
            self.assertEqual(tuple(table[name][column] for column in ("drop_rate", "drop_rate.1", "drop_rate.2")), wanted, name)
        self.assertEqual({row["bytes"] for row in table.values()}, {str(sum(2 * count(shape) for shape in self.shapes.values()))})
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
                process = run(0, "dare-merge", self.path("recipes/point.yml"), self.path(f"expected.{kind}"))
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

    def test_a_point_fails_alone(self):
        # 1e38 * 1e4 is no float32 and no bfloat16.
        text = self.recipe + """points:
  good: {drop_rate: 0.5}
  large: {drop_rate: 0.5, lambda: 1e38, weight: 1e4}
  fine: {drop_rate: 0.25}
"""
        process = self.sweep(2, text, "--json")
        self.assertEqual(process.returncode, 3, process.stderr)
        summary = json.loads(process.stdout)
        self.assertEqual((summary["done"], summary["failed"]), (2, 1))
        words = "\n".join(own_words(process, "dare-sweep"))
        self.assertRegex(words, r'dare-sweep: point large: tensor "model.embed.weight": element \d+ \(\[\d+,\d+\]\) becomes ')
        table = rows(self.path("swept"))
        self.assertEqual({name: row["status"] for name, row in table.items()}, {"good": "done", "large": "failed", "fine": "done"})
        self.assertIn("model.embed.weight", table["large"]["error"])
        self.assertEqual(table["large"]["output"], "")
        self.assertFalse(os.path.exists(self.path("swept", "large")))
        self.assertEqual([name for name in os.listdir(self.path("swept")) if name.startswith(".")], [])
        self.assert_same(contents(self.path("swept", "good")), self.merged(self.recipe + "parameters: {drop_rate: 0.5}\n", "expected"), "good")
        mended = self.swept(2, text.replace("lambda: 1e38", "lambda: 1"))
        self.assertEqual((mended["done_before"], mended["done"]), (2, 1))

    def test_an_input_that_is_missing_is_told_before_anything_is_made(self):
        text = self.recipe.split("models:")[0] + """seed: 7
grid:
  models: {a: {models: [{model: m0.safetensors}]}, b: {models: [{model: gone.safetensors}]}}
  drop_rate: [0.5, 0.25]
"""
        for more in (["--plan"], [], ["--groups", "2"]):
            with self.subTest(more=more):
                process = self.sweep(2, text, *more)
                self.assertEqual(process.returncode, 3, process.stderr)
                words = own_words(process, "dare-sweep")
                self.assertRegex(words[0], r"dare-sweep: points models=b,drop_rate=0.5 and models=b,drop_rate=0.25: .*gone.safetensors: no such file or folder")
                if not more or more[0] != "--plan":
                    self.assertIn(f"{self.path('sweep.yml')}: inputs of 2 of 4 points cannot be read, nothing was made", words[-1])
                self.assertFalse(os.path.exists(self.path("swept", "models=a,drop_rate=0.5")))
                self.assertFalse(os.path.exists(self.path("swept", "results.csv")))
        self.assertEqual(self.swept(2, text.replace("gone.s", "other.s"))["done"], 4)


if __name__ == "__main__":
    unittest.main()
