"""What dare-sweep says of several mistakes, and of one mistake in several points."""

import json
import os
import struct
import unittest

from dare_sweep import SweepTest, rows
from dare_system import contents, own_words, random_model, run, write_safetensors
import terminal_test


class Messages(SweepTest):
    on_terminal = terminal_test.Terminal.on_terminal
    families = """grid:
  models: {a: {models: [{model: m0.safetensors}]}, b: {models: [{model: m1.safetensors}]}}
  drop_rate: [0.5, 0.25]
"""

    def setUp(self):
        super().setUp()
        self.make_family()

    def told(self, process, code, *lines):
        self.assertEqual(process.returncode, code, process.stderr)
        self.assertEqual([line.removeprefix("dare-sweep: ") for line in own_words(process, "dare-sweep")], list(lines))

    def gone(self, name):
        os.remove(self.path(name))
        return f'{self.path(name)}: no such file or folder ("{name}", relative to the recipe\'s folder)'

    def nothing_made(self, points, of):
        return f"{self.path('sweep.yml')}: inputs of {points} of {of} points cannot be read, nothing was made; mend them, or take these points out"

    def test_an_input_that_cannot_be_read_is_told_once(self):
        text = self.recipe.split("models:")[0] + "seed: 7\n" + self.families
        m1 = self.gone("m1.safetensors")
        of_b = "points models=b,drop_rate=0.5 and models=b,drop_rate=0.25: "
        self.told(self.sweep(2, text), 3, of_b + m1, self.nothing_made(2, 4))
        base = self.gone("base.safetensors")
        self.told(self.sweep(0, text), 3, "every point: " + base, of_b + m1, self.nothing_made(4, 4))
        self.told(self.sweep(0, text, "--plan"), 3, "every point: " + base, of_b + m1)

    def test_an_input_of_another_shape_is_told_once(self):
        write_safetensors(self.path("m1.safetensors"), random_model({**self.shapes, "model.norm.weight": [31]}, 1))
        process = self.sweep(2, self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3]}\n")
        self.assertEqual(process.returncode, 3, process.stderr)
        (line,) = own_words(process, "dare-sweep")
        self.assertRegex(line, r'^dare-sweep: every point: .*m1.safetensors: tensor "model.norm.weight"')
        self.assertIn('tensor "model.norm.weight"', rows(self.path("swept"))["drop_rate=0.2"]["error"])

    def test_an_element_that_is_no_number_is_told_once(self):
        weights = random_model(self.shapes, 1)
        weights["scalar"] = ("BF16", [], struct.pack("<H", 0x7FC0))
        write_safetensors(self.path("m1.safetensors"), weights)
        for outputs in ("model", "statistics"):
            text = self.recipe + f"outputs: {outputs}\ngrid: {{drop_rate: [0, 0.25], seed: [1, 2]}}\n"
            process = self.sweep(2, text, "--log-level", "error", output=outputs)
            self.assertEqual(process.returncode, 3, process.stderr)
            (line,) = own_words(process, "dare-sweep")
            self.assertRegex(line, r'^dare-sweep: every point: .*m1.safetensors: tensor "scalar": element 0 is nan; ')
            self.assertEqual([row["status"] for row in rows(self.path(outputs)).values()], ["failed"] * 4)

    def test_places_that_are_taken_are_told_once_a_reason(self):
        def text(outputs):
            return self.recipe + f"outputs: {outputs}\ngrid: {{drop_rate: [0.1, 0.2, 0.3, 0.4]}}\n"
        self.swept(0, text("statistics"))
        end = ": each was made by another run: outputs was statistics; name another folder, or give --overwrite"
        self.told(self.sweep(0, text("model")), 3, f"{self.path('swept')}: every point" + end)
        more = text("model").replace("0.4]", "0.4, 0.5]")
        self.told(self.sweep(0, more), 3, f"{self.path('swept')}: points drop_rate=0.1, drop_rate=0.2 and 2 more" + end)

    def test_mistakes_of_file_command_and_inputs_come_together(self):
        m1 = self.gone("m1.safetensors")
        name = self.path("sweep.yml")
        head = self.recipe.split("models:")[0] + "seed: 7\n" + self.families
        text = head + "evaluate: nothing-called-so {chekpoint}\nkeep: bst\npoints:\n  p: {drop_rate: much}\n"
        command = [f"  {name}:7: evaluate: {{chekpoint}} is no placeholder; did you mean {{checkpoint}}?",
                   f"  {name}:7: evaluate: there is no program nothing-called-so on the PATH; give its path, or load what it belongs to before"]
        inputs = "  points models=b,drop_rate=0.5 and models=b,drop_rate=0.25: " + m1
        self.told(self.sweep(2, text), 2, "5 problems found:", f'  {name}:8: keep: expected none, best or all, found "bst"',
                  f'  {name}:10: drop_rate: expected a number, found "much"', *command, inputs)
        # Recipes that are wrong say nothing of their inputs.
        text = head + "evaluate: nothing-called-so {chekpoint}\npoints:\n  p: {models: {models: [{model: gone}]}, drop_rate: [0.1, 0.2]}\n"
        self.told(self.sweep(0, text), 2, "4 problems found:", *command, f"  {name}:9: 2 values of drop_rate for 1 model; give one for all, or one a model", inputs)
        text = "recipe: gone.yml\nkeep: bst\ngrid: {drop_rate: [0.1]}\n"
        self.told(self.sweep(0, text), 2, "2 problems found:", f"  {self.path('gone.yml')}: cannot open for reading: No such file or directory", f'  {name}:2: keep: expected none, best or all, found "bst"')
        self.assertFalse(os.path.exists(self.path("swept")))

    def test_a_manifest_in_the_sweeps_place(self):
        self.merged(self.recipe + "parameters: {drop_rate: 0.5}\n", "one")
        manifest = self.path("one", "dare-manifest.json")
        self.assert_refused(run(2, "dare-sweep", manifest, self.path("swept")), 2, f"{manifest}: this is the manifest of a merge, no sweep; run dare-merge to make that "
                            "merge again, or name it under recipe: of a sweep, which says what to vary", "dare-sweep")

    def varied(self, more="", *options, np=0):
        return self.sweep(np, f"recipe: one/dare-manifest.json\n{more}grid: {{seed: [7, 8]}}\n", "--inputs-at", self.folder, "--json", *options)

    def test_the_inputs_are_those_that_a_manifest_records(self):
        recipe = self.write("r.yml", self.recipe + "parameters: {drop_rate: 0.5}\n")
        merged = run(0, "dare-merge", recipe, self.path("one"), "--hash-inputs")
        self.assertEqual(merged.returncode, 0, merged.stderr)
        self.assertEqual(self.varied(np=2).returncode, 0)
        self.assertEqual(contents(self.path("swept", "seed=7"))["model.safetensors"], contents(self.path("one"))["model.safetensors"])
        process = self.sweep(0, "recipe: one/dare-manifest.json\ngrid: {seed: [7, 8]}\n", output="elsewhere")
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn("relative paths are those of the merge: name the folder that it ran in, or its recipe's, by --inputs-at", process.stderr)
        # Other weights under the same header, which only a hash of them tells.
        with open(self.path("m0.safetensors"), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x01")
        process = self.varied("", "--hash-inputs", "--overwrite")
        self.assertEqual(process.returncode, 3, process.stderr)
        other = f"{self.path('one', 'dare-manifest.json')}: the merge that it records was of other inputs:"
        self.assertIn(f"dare-sweep: {other}\n  input m0.safetensors: file m0.safetensors has other contents: ", process.stderr)
        write_safetensors(self.path("m0.safetensors"), random_model(self.shapes, 0), {"format": "pt", "more": "1"})
        for options in (["--plan"], ["--overwrite"]):
            process = self.varied("", *options)
            self.assertEqual(process.returncode, 3, process.stderr)
            self.assertIn(f"dare-sweep: {other}\n  input m0.safetensors: file m0.safetensors of ", process.stderr)
            self.assertIn("\n  give the inputs as they were, or name those that are meant under models in grid or points\n", process.stderr)
        named = self.sweep(0, "recipe: one/dare-manifest.json\npoints:\n  p: {models: {base_model: base.safetensors, models: [{model: m0.safetensors}, {model: m1.safetensors}]}, "
                           "drop_rate: 0.5}\n", "--inputs-at", self.folder, output="named")
        self.assertEqual(named.returncode, 0, named.stderr)

    def test_inputs_at_goes_with_a_manifest(self):
        self.assert_refused(self.sweep(0, self.recipe + "grid: {drop_rate: [0.5]}\n", "--inputs-at", self.path("gone")), 2,
                            "--inputs-at goes with a manifest under recipe:; a recipe's paths are relative to its folder", "dare-sweep")

    def test_a_link_to_nowhere_in_a_points_place(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n"
        os.mkdir(self.path("swept"))
        os.symlink("gone", self.path("swept", "drop_rate=0.2"))
        for more in ([], ["--plan"], ["--overwrite"]):
            self.assert_refused(self.sweep(2, text, *more), 3, f"{self.path('swept', 'drop_rate=0.2')}: is a link to gone, which is not there; remove it, or name another "
                                                               "folder", "dare-sweep")
            self.assertEqual([name for name in os.listdir(self.path("swept")) if name.startswith("drop_rate=0.1")], [])
        self.assertEqual(self.swept(0, text.replace("grid", "outputs: statistics\ngrid"))["done"], 2)

    def test_what_is_made_again_is_a_notice_and_part_of_a_plan(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n"
        self.swept(0, text)
        weights = self.path("swept", "drop_rate=0.1", "model.safetensors")
        size = os.path.getsize(weights)

        def damaged():
            os.truncate(weights, 1000)
            return f"{weights} has 1000 bytes, and had {size} when it was made"
        damage = damaged()
        plan = self.sweep(0, text, "--plan")
        self.assertEqual((plan.returncode, plan.stderr), (0, ""))
        self.assertIn(f"  made again   drop_rate=0.1: was done, but {damage}\n", plan.stdout)
        self.assertEqual(json.loads(self.sweep(0, text, "--plan", "--json").stdout)["made_again"], {"drop_rate=0.1": damage})
        for more, lines in (([], [f"point drop_rate=0.1: was done, but {damage}; it is made again"]), (["--log-level", "error"], [])):
            damaged()
            self.told(self.sweep(2, text, *more), 0, *lines)

    def test_a_plan_fits_a_terminal(self):
        ties = self.recipe.replace("dare_linear", "ties") + "grid: {density: [0.1, 0.2], lambda: [0.5, 1]}\n"
        process = self.sweep(0, ties, "--plan")
        lines = self.on_terminal(80, "dare-sweep", self.path("sweep.yml"), self.path("swept"), "--plan")
        self.assertTrue(any(len(line) > 80 for line in process.stdout.splitlines()))
        self.assertEqual([line for line in lines if len(line) > 80], [])
        self.assertEqual("\n".join(lines).split(), process.stdout.split())

    def test_cuts_with_ties_fit_a_terminal(self):
        # Half of the deltas are as large as the cut: which of them are kept is told by their places.
        for name, value in (("base", 0.0), ("m0", 0.123456789), ("m1", 0.123456789)):
            write_safetensors(self.path(f"{name}.safetensors"), {"w": ("F32", [64, 64], struct.pack("<f", value) * 4096)})
        recipe = self.write("r.yml", "merge_method: breadcrumbs\nbase_model: base.safetensors\nmodels: [{model: m0.safetensors}, {model: m1.safetensors}]\n"
                            "parameters: {density: 0.5, gamma: 0.1}\ndtype: float64\n")
        lines = self.on_terminal(80, "dare-merge", recipe, "--explain", "w[3,4]")
        self.assertEqual([line for line in lines if len(line) > 80], [])
        self.assertIn("where equal         elements below 2048     elements below 2048", lines)


if __name__ == "__main__":
    unittest.main()
