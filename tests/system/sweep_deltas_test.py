"""outputs: delta."""

import json
import math
import os
import subprocess
import unittest

from dare_sweep import SweepTest, made, rows
from dare_system import contents, own_words, run, with_fault


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
        process = run(0, "dare-merge", self.path("recipes/point.yml"), self.path("expected"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertTrue(self.restored("swept", "p") == contents(self.path("expected", "model.safetensors")))

    def test_they_do_not_depend_on_ranks_or_groups(self):
        self.swept(0, self.text, output="one")
        one = made(self.path("one"))
        for np, more in ((2, []), (3, ["--groups", "2"]), (5, ["--memory-per-rank", "4MiB"])):
            output = f"swept{np}"
            self.swept(np, self.text, *more, output=output)
            self.assert_same(made(self.path(output)), one, output)

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
        self.assert_refused(self.sweep(0, self.text.replace("outputs: delta", "outputs: model").replace("grid", "# grid")), 3,
                            f"{name}: was made by another run: outputs was another; name another folder, or give --overwrite", "dare-sweep")

    def test_overwrite_makes_points_anew(self):
        grid = self.recipe + "outputs: delta\ngrid: {drop_rate: [0.5]}\n"

        def named(kind, rate, more=""):
            return self.recipe + f"outputs: delta\nformat: {kind}\npoints: {{p: {{drop_rate: {rate}}}{more}}}\n"

        self.swept(2, grid, output="touched")
        os.utime(self.path("m0.safetensors"), (1, 1))
        self.assertEqual(self.sweep(0, grid, output="touched").returncode, 3)
        plan = self.sweep(0, grid, "--overwrite", "--plan", "--json", output="touched")
        self.assertEqual((plan.returncode, json.loads(plan.stdout)["to_do"]), (0, 1), plan.stderr)
        self.assertEqual(self.swept(2, grid, "--overwrite", output="touched")["done"], 1)
        for kind in ("folder", "safetensors", "h5"):
            with self.subTest(kind=kind):
                self.swept(0, named(kind, 0.5), output=kind)
                other = named(kind, 0.75, ", q: {drop_rate: 0.9}")
                self.assertEqual(self.sweep(0, other, output=kind).returncode, 3)
                self.assertEqual(self.swept(2, other, "--overwrite", output=kind)["done"], 2)
                self.swept(2, other, output="fresh-" + kind)
                self.assertEqual({name: row["xxh3_128"] for name, row in rows(self.path(kind)).items()},
                                 {name: row["xxh3_128"] for name, row in rows(self.path("fresh-" + kind)).items()})

    def test_overwrite_takes_what_was_copied_beside_the_weights_and_nothing_else(self):
        for model in ("m0", "m1"):
            os.mkdir(self.path("kept-" + model))
            os.rename(self.path(model + ".safetensors"), self.path("kept-" + model, "model.safetensors"))
            self.write(os.path.join("kept-" + model, f"trainer_state_{model}.json"), "{}")
        text = self.recipe.replace("m0.safetensors", "kept-m0").replace("m1.safetensors", "kept-m1") + "outputs: delta\npoints: {a: {drop_rate: 0.5}}\n"
        self.swept(2, text)
        with open(self.path("swept", "a", "dare-manifest.json")) as file:
            self.assertEqual([entry["side_files"] for entry in json.load(file)["tensors"]], [["trainer_state_m0.json"], ["trainer_state_m1.json"]])
        os.utime(self.path("kept-m0", "model.safetensors"), (1, 1))
        self.assertEqual(self.swept(2, text, "--overwrite")["done"], 1)
        self.assertIn("model1/trainer_state_m1.json", contents(self.path("swept", "a")))
        other = text.replace("0.5}", "0.75}")
        for strange in ("model0/notes.txt", "model0/trainer_state_m1.json", "trainer_state_m0.json"):  # the last ones' names are of another folder
            with self.subTest(strange=strange):
                strange = self.write(os.path.join("swept", "a", strange), "remember the milk")
                process = self.sweep(0, other, "--overwrite")
                self.assertEqual((process.returncode, own_words(process, "dare-sweep")), (3, [
                    f"dare-sweep: point a: {strange}: is in a folder of a model and no part of one; --overwrite replaces models only, name another output"]))
                os.remove(strange)

    def test_what_overwrite_may_not_take_away_is_refused_alone_by_the_plan_too(self):
        for outputs in ("delta", "model"):
            with self.subTest(outputs=outputs):
                text = self.recipe + f"outputs: {outputs}\npoints: {{a: {{drop_rate: 0.5}}"
                self.swept(0, text + "}\n", output=outputs)
                notes = self.write(os.path.join(outputs, "a", "notes.txt"), "remember the milk")
                other = text.replace("0.5}", "0.75}") + ", b: {drop_rate: 0.9}}\n"
                told = [f"dare-sweep: point a: {notes}: is in a folder of a model and no part of one; --overwrite replaces models only, name another output"]
                plan = self.sweep(0, other, "--overwrite", "--plan", "--json", output=outputs)
                self.assertEqual((plan.returncode, own_words(plan, "dare-sweep")), (3, told))
                self.assertEqual([json.loads(plan.stdout)[key] for key in ("to_do", "refused")], [1, 1])
                process = self.sweep(2, other, "--overwrite", output=outputs)
                self.assertEqual((process.returncode, own_words(process, "dare-sweep")), (3, told))
                self.assertTrue(os.path.exists(notes))
                # What was refused stands, and so does its row.
                self.assertEqual({name: (row["status"], row["drop_rate"]) for name, row in rows(self.path(outputs)).items()},
                                 {"a": ("done", "0.5"), "b": ("done", "0.9")})

    def test_a_failing_disk_leaves_nothing_half_made(self):
        text = self.recipe + "outputs: delta\ngrid: {drop_rate: [0.5, 0.9]}\n"
        process = self.sweep(2, text, **with_fault("pwrite:2:ENOSPC:0", "drop_rate=0.9.partial"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("No space left on device", process.stderr)
        self.assertEqual(sorted(os.listdir(self.path("swept"))), ["points", "results.csv", "results.json"])
        self.assertEqual(self.swept(2, text)["done"], 2)

    def test_one_that_cannot_take_its_place_fails_alone(self):
        text = self.recipe + "outputs: delta\npoints: {a: {drop_rate: 0.5}, b: {drop_rate: 0.9}, c: {drop_rate: 0.25}}\n"
        process = self.sweep(2, text, **with_fault("rename:1:EIO:0", ".b.partial"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertEqual(own_words(process, "dare-sweep"), [
            f"dare-sweep: point b: {self.path('swept', '.b.partial')}: cannot rename to {self.path('swept', 'b')}: Input/output error"])
        self.assertEqual({name: row["status"] for name, row in rows(self.path("swept")).items()}, {"a": "done", "b": "failed", "c": "done"})
        again = self.swept(2, text)
        self.assertEqual((again["done_before"], again["done"]), (2, 1))

    def test_methods_that_look_at_all_deltas_are_refused_by_name(self):
        process = self.sweep(2, self.recipe + "outputs: delta\npoints: {good: {drop_rate: 0.5}, l1: {drop_rate: 0.5, rescale: l1}}\n")
        self.assertEqual(process.returncode, 2, process.stderr)
        self.assertEqual(own_words(process, "dare-sweep"), [
            'dare-sweep: point l1: tensor "model.embed.weight": outputs: delta has what DARE keeps, the method looks at deltas beyond that; use '
            "dare_linear, dare_ties or another method of DARE without l1, or outputs: model"])
        self.assertEqual({name: row["status"] for name, row in rows(self.path("swept")).items()}, {"good": "done", "l1": "failed"})
        self.assert_refused(self.sweep(0, self.recipe + "outputs: delta\nevaluate: 'true'\npoints: {p: {drop_rate: 0.5}}\n", output="other"), 2,
                            f"{self.path('sweep.yml')}: outputs: delta writes no checkpoint that evaluate could be run on; use outputs: model", "dare-sweep")


if __name__ == "__main__":
    unittest.main()
