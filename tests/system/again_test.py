"""A merge made again from its manifest."""

import json
import os
import shutil
import unittest

from dare_system import SystemTest, contents, own_words, random_model, run, write_safetensors


class Again(SystemTest):
    def setUp(self):
        super().setUp()
        self.make_family()

    def merged(self, np, *words):
        process = run(np, "dare-merge", *words)
        self.assertEqual(process.returncode, 0, process.stderr)
        return process

    def all_of(self, output):
        manifest = self.path(output + ".manifest.json")
        return {**contents(self.path(output)), **({"manifest": contents(manifest)[""]} if os.path.exists(manifest) else {})}

    def test_the_same_bytes_and_the_same_manifest(self):
        with open(self.path("r.yml"), "w") as file:
            file.write(f"merge_method: dare_ties\nbase_model: {self.path('base.safetensors')}\nseed: 18446744073709551615\ndtype: float32\nexclude: [norm]\n"
                       f"models:\n- model: {self.path('m0.safetensors')}\n  parameters: {{weight: [0.2, 1], drop_rate: [{{filter: up, value: 0.9}}, {{value: 0.5}}]}}\n"
                       f"- {{model: {self.path('m1.safetensors')}, stream: 7, parameters: {{density: 0.3}}}}\n")
        for output in ("one", "one.safetensors"):
            self.merged(0, self.path("r.yml"), self.path(output))
            manifest = self.path(output, "dare-manifest.json") if output == "one" else self.path(output + ".manifest.json")
            shutil.copy(manifest, self.path("record"))  # its content tells what it is, not its name
            again = "again" + output
            made = self.merged(3, self.path("record"), self.path(again))
            self.assertEqual(self.all_of(again), self.all_of(output))
            same = f"the same weights as recorded in {self.path('record')}: every block"
            self.assertEqual(made.stdout.splitlines()[1:], [same])
            self.assertEqual(self.merged(2, self.path("record"), self.path(again), "--resume").stdout.splitlines(), [same])
            for more in ("--overwrite", "--resume"):
                self.assertIs(json.loads(self.merged(2, self.path("record"), self.path(again), "--json", more).stdout)["as_recorded"], True)
        # The command line is put over it, as over a recipe.
        other = self.merged(0, self.path("record"), self.path("other.safetensors"), "--seed", "1", "--json")
        self.assertNotIn("as_recorded", json.loads(other.stdout))
        self.assertNotEqual(self.all_of("other.safetensors")[""], self.all_of("one.safetensors")[""])
        plan = json.loads(self.merged(0, manifest, "--plan", "--json").stdout)
        self.assertEqual((plan["recipe"]["seed"], plan["recipe"]["models"][1]["stream"]), (18446744073709551615, 7))
        self.assertIn('the tensor is excluded by "norm"', self.merged(0, manifest, "--explain", "model.norm.weight[3]").stdout)

    def relative(self):
        """The manifest of a merge by a recipe with relative paths, which says nothing of their folder."""
        with open(self.path("r.yml"), "w") as file:
            file.write("merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{model: m0.safetensors, parameters: {drop_rate: 0.5}}]\n")
        self.merged(0, self.path("r.yml"), self.path("one.safetensors"), "--hash-inputs")
        return self.path("one.safetensors.manifest.json")

    def test_inputs_that_moved(self):
        manifest = self.relative()
        words = [manifest, self.path("again.safetensors")]
        self.assert_refused(run(2, "dare-merge", *words), 3, "2 problems found:\n  m0.safetensors: no such file or folder\n  base.safetensors: no such file or folder\n  relative paths are "
                            "those of the merge: name the folder that it ran in, or its recipe's, by --inputs-at")
        nowhere = self.path("nowhere")
        self.assert_refused(run(2, "dare-merge", *words, "--inputs-at", nowhere), 3, "2 problems found:\n" + "\n".join(
            f'  {nowhere}/{name}: no such file or folder ("{name}", relative to {nowhere})' for name in ("m0.safetensors", "base.safetensors")))
        self.merged(2, *words, "--hash-inputs", "--inputs-at", self.folder)
        self.assertEqual(self.all_of("again.safetensors"), self.all_of("one.safetensors"))
        os.mkdir(self.path("moved"))
        for name in ("base.safetensors", "m0.safetensors"):
            os.rename(self.path(name), self.path("moved", name))
        self.merged(2, *words, "--overwrite", "--hash-inputs", "--base", self.path("moved", "base.safetensors"), "--model", self.path("moved", "m0.safetensors"))
        self.assertEqual(self.all_of("again.safetensors")[""], self.all_of("one.safetensors")[""])
        self.assert_refused(run(0, "dare-merge", self.path("r.yml"), "--inputs-at", self.path("moved"), "--plan"), 2,
                            "--inputs-at goes with a manifest in the recipe's place; a recipe's paths are relative to its folder")

    def test_other_inputs(self):
        manifest = self.relative()
        words = [manifest, self.path("again.safetensors"), "--inputs-at", self.folder]
        with open(self.path("m0.safetensors"), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x01")
        refused = run(2, "dare-merge", *words, "--hash-inputs")
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn(f"{manifest}: the merge that it records was of other inputs:\n  input m0.safetensors: file m0.safetensors has other contents: ", refused.stderr)
        write_safetensors(self.path("m0.safetensors"), random_model(self.shapes, 0), {"format": "pt", "more": "1"})
        refused = run(2, "dare-merge", *words)
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn(f"{manifest}: the merge that it records was of other inputs:\n  input m0.safetensors: file m0.safetensors of ", refused.stderr)
        self.assertIn("\n  give the inputs as they were, or name those that are meant by --base and --model\n", refused.stderr)
        self.merged(0, *words[:2], "--base", self.path("base.safetensors"), "--model", self.path("m0.safetensors"))

    def test_a_sweep_varies_what_a_manifest_records(self):
        self.merged(1, *self.merge_words("one.safetensors", models=1))
        manifest = self.path("one.safetensors.manifest.json")
        self.merged(1, manifest, self.path("other.safetensors"), "--seed", "6")
        with open(manifest) as file:
            seed = json.load(file)["recipe"]["seed"]
        self.assertNotEqual(seed, 6)
        sweep = "recipe: one.safetensors.manifest.json\nformat: safetensors\npoints:\n  same: {seed: %d}\n  other: {seed: 6}\n" % seed
        with open(self.path("s.yml"), "w") as file:
            file.write(sweep)
        swept = run(2, "dare-sweep", self.path("s.yml"), self.path("swept"))
        self.assertEqual(swept.returncode, 0, swept.stderr)
        for point, output in (("same", "one"), ("other", "other")):
            self.assertEqual(self.all_of(f"swept/{point}.safetensors"), self.all_of(output + ".safetensors"))
        with open(self.path("s.yml"), "a") as file:
            file.write("dtype: float32\n")
        self.assert_refused(run(2, "dare-sweep", self.path("s.yml"), self.path("more")), 2, f"{self.path('s.yml')}:6: dtype is given beside recipe; vary it "
                            f"in grid or points, or write a recipe in the place of {manifest}", "dare-sweep")
        with open(manifest, "r+") as file:
            text = file.read().replace('"stream_version": 1', '"stream_version": 2')
            file.seek(0)
            file.write(text)
        with open(self.path("s.yml"), "w") as file:
            file.write(sweep)
        refused = run(1, "dare-sweep", self.path("s.yml"), self.path("more"))
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn(f"dare-sweep: {manifest}: was merged with stream version 2 of the masks, this program computes version 1; use ", refused.stderr)

    def with_other_hash(self, manifest):
        """Its first tensor's first block has another hash."""
        with open(manifest) as file:
            record = json.load(file)
        tensor = record["tensors"][0]
        tensor["xxh3_128"] = ("1" if tensor["xxh3_128"][0] == "0" else "0") + tensor["xxh3_128"][1:]
        with open(self.path("record"), "w") as file:
            json.dump(record, file)
        return tensor, sum(len(one["xxh3_128"]) // 32 for one in record["tensors"])

    def assert_other(self, process, message):
        self.assertEqual((process.returncode, own_words(process, "dare-merge")), (4, ["dare-merge: " + message]), process.stderr)

    def test_an_output_that_is_not_the_recorded_one_stays_and_is_told(self):
        manifest = self.relative()
        tensor, blocks = self.with_other_hash(manifest)
        last = 1
        for extent in tensor["shape"]:
            last *= extent
        last -= 1
        words = [self.path("record"), self.path("again.safetensors"), "--inputs-at", self.folder, "--log-level", "error"]
        told = (f"{self.path('again.safetensors')}: is complete, but not the output that {self.path('record')} records: 1 of {blocks} blocks differ, the first in "
                f'tensor "{tensor["name"]}", elements 0 to {last}; ')
        with open(manifest) as file:
            program = json.load(file)["program"]
        self.assert_other(run(2, "dare-merge", *words), told + "either an input has other weights than then under an equal header, which --hash-inputs "
                            f"would tell; or {program} computes otherwise")
        self.assertEqual(self.all_of("again.safetensors")[""], self.all_of("one.safetensors")[""])
        self.assertEqual(run(0, "dare-verify", self.path("again.safetensors")).returncode, 0)
        again = run(3, "dare-merge", *words, "--hash-inputs", "--overwrite", "--json")
        self.assert_other(again, told + f"the inputs are those of then to the last byte, so {program} computes otherwise, or a machine is broken; "
                            "dare-verify reads the output again")
        self.assertIs(json.loads(again.stdout)["as_recorded"], False)
        self.assertEqual(run(1, "dare-merge", *words, "--hash-inputs", "--resume").returncode, 4)

    def test_weights_that_changed_under_an_equal_header(self):
        self.merged(1, *self.merge_words("one.safetensors", models=1))
        manifest = self.path("one.safetensors.manifest.json")
        with open(self.path("m0.safetensors"), "r+b") as file:
            file.seek(-64, os.SEEK_END)
            file.write(b"\x80\x3f" * 32)
        made = run(2, "dare-merge", manifest, self.path("again.safetensors"))
        self.assertEqual(made.returncode, 4, made.stderr)
        self.assertIn("under an equal header, which this manifest cannot tell, for it was made without --hash-inputs; or ", made.stderr)
        self.assertEqual(made.stdout.count("\n"), 1)
        self.assertTrue(os.path.exists(self.path("again.safetensors")))

    def test_a_manifest_of_other_masks_or_damaged(self):
        manifest = self.relative()
        with open(manifest) as file:
            text = file.read()
        for old, new, message in (('"stream_version": 1', '"stream_version": 2', "was merged with stream version 2 of the masks, this program computes version 1; use dare-mpi "),
                                  ('"format_version": 1', '"format_version": 2', "format_version 2, this program reads 1; use a newer one"),
                                  ('"tensors"', '"tensor"', "tensors is no list of tensors; the manifest is damaged"),
                                  ('"merge_method": "dare_linear"', '"merge_method": "x"', "the manifest's recipe:1: merge_method")):
            self.assertEqual(text.count(old), 1)
            with open(manifest, "w") as file:
                file.write(text.replace(old, new))
            refused = run(0, "dare-merge", manifest, self.path("again.safetensors"))
            self.assertEqual(refused.returncode, 3, refused.stderr)
            self.assertIn(f"dare-merge: {manifest}: {message}", refused.stderr)


if __name__ == "__main__":
    unittest.main()
