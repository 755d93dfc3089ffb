"""dare-verify finds every changed byte, names it, and recomputes what the inputs give."""

import copy
import json
import os
import re
import shutil
import subprocess
import unittest

from dare_system import BLOCK, SystemTest, command, environment, own_words, random_model, run, write_safetensors
from safetensors_file import read_header

BIG = "model.layers.0.up.weight"  # [1100, 2048]: three blocks


class Verify(SystemTest):
    def merged(self, output, *more, **keywords):
        process = run(2, "dare-merge", *self.merge_words(output, *more, **keywords))
        self.assertEqual(process.returncode, 0, process.stderr)
        return self.path(output)

    def verify(self, np, code, *words):
        process = run(np, "dare-verify", *words)
        self.assertEqual(process.returncode, code, process.stdout + process.stderr)
        if code in (0, 4):
            self.assertEqual(own_words(process, "dare-verify"), [])
        return process.stdout

    def without_time(self, text):
        return re.sub(r"read in [0-9.]+ s on \d+ ranks?", "read", text).splitlines()

    def change(self, path, tensor, element, size=2):
        """Flips the lowest bit of one element of a safetensors file; returns where it is."""
        with open(path, "r+b") as file:
            begin, _ = read_header(file)[tensor]["data_offsets"]
            place = file.tell() + begin
            file.seek(place + element * size)
            old = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([old[0] ^ 1]))
        return place

    def setUp(self):
        super().setUp()
        self.make_family()

    def test_untouched_outputs_of_every_form_are_verified(self):
        for number, output in enumerate(("out.safetensors", "out.h5", "folder")):
            self.merged(output)
            for np in (0, 1, 2, 3):
                with self.subTest(output=output, np=np):
                    words = [self.path(output)] + (["--against", "--all"] if np == number + 1 else [])
                    text = self.verify(np, 0, *words)
                    self.assertEqual(self.without_time(text)[-1], "verified")
                    self.assertIn("0 of 6 blocks differ", text)

    def test_a_changed_element_is_named_at_any_number_of_ranks(self):
        output = self.merged("out.safetensors")
        tensor = self.change(output, BIG, BLOCK + 5)
        bytes_of = f"bytes [{tensor + 2 * BLOCK}, {tensor + 4 * BLOCK}) of out.safetensors"
        for np in (1, 2, 3):
            lines = self.without_time(self.verify(np, 4, output))
            self.assertEqual(len(lines), 3, lines)
            self.assertRegex(lines[0], rf'^tensor "{re.escape(BIG)}": block 1 of 3 differs: elements \[1048576, 2097152\), '
                                       rf"{re.escape(bytes_of)}: XXH3-128 [0-9a-f]{{32}}, the manifest has [0-9a-f]{{32}}$")
            self.assertEqual(lines[1:], [f"{output}: 1 of 6 blocks differ (4.52 MB read)", "NOT verified"])
        found = json.loads(self.verify(3, 4, output, "--json"))
        self.assertFalse(found["verified"])
        self.assertEqual(found["mismatched_blocks"], 1)
        self.assertEqual([(m["tensor"], m["block"], m["offset"], m["bytes"]) for m in found["mismatches"]], [(BIG, 1, tensor + 2 * BLOCK, 2 * BLOCK)])

    def test_all_are_counted_and_some_are_listed(self):
        output = self.merged("out.safetensors")
        for element in (0, BLOCK, 2 * BLOCK):
            self.change(output, BIG, element)
        lines = self.without_time(self.verify(2, 4, output, "--show", "1"))
        self.assertEqual(lines[1:], ["... and 2 more (--show)", f"{output}: 3 of 6 blocks differ (4.52 MB read)", "NOT verified"])

    def test_against_finds_what_a_forged_manifest_hides(self):
        output = self.merged("out.safetensors")
        other = self.merged("other.safetensors", "--lambda", "0.5")
        manifest = self.path("out.safetensors.manifest.json")
        shutil.copy(other, output)
        with open(self.path("other.safetensors.manifest.json")) as file:
            forged = json.load(file)
        forged["recipe"]["parameters"]["lambda"] = 1.0
        with open(manifest, "w") as file:
            json.dump(forged, file)
        self.assertIn("0 of 6 blocks differ", self.verify(2, 0, output))
        results = []
        for np in (1, 2, 3):
            found = json.loads(self.verify(np, 4, output, "--against", "--sample", "3", "--json"))
            self.assertEqual(found["against"]["runs"], 3)
            self.assertGreater(found["against"]["mismatched_runs"], 0)
            results.append(found["against"])
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0], results[2])

    def test_against_names_the_element(self):
        output = self.merged("out.safetensors")
        self.change(output, BIG, 70000)
        lines = self.without_time(self.verify(2, 4, output, "--against", "--all"))
        self.assertRegex(lines[1], rf'^tensor "{re.escape(BIG)}": 1 element of the run of 65536 at element 65536 not as the inputs give them, '
                                   r"the first element 70000: 0x[0-9a-f]{4}, recomputed 0x[0-9a-f]{4}$")

    def test_headers_and_files_beside_the_weights_are_verified(self):
        os.mkdir(self.path("base"))
        shutil.copy(self.path("base.safetensors"), self.path("base", "model.safetensors"))
        for name in ("config.json", "tokenizer.json"):
            with open(self.path("base", name), "w") as file:
                file.write('{"a": 1}\n')
        manifests = {}
        for output in ("folder", "out.h5", "out.safetensors"):
            for np in (1, 3):
                process = run(np, "dare-merge", "--base", self.path("base"), "--model", self.path("m0.safetensors"), "--drop-rate", "0.5", "--overwrite", self.path(output))
                self.assertEqual(process.returncode, 0, process.stderr)
                manifest = self.path(output, "dare-manifest.json") if output == "folder" else self.path(output + ".manifest.json")
                with open(manifest) as file:
                    manifests.setdefault(output, set()).add(file.read())
            self.assertEqual(len(manifests[output]), 1)
            self.assertEqual(self.without_time(self.verify(0, 0, self.path(output)))[-1], "verified")
        hashes = r"XXH3-128 [0-9a-f]{32}, the manifest has [0-9a-f]{32}$"
        self.edit(self.path("folder", "config.json"), b"1", b"2")
        os.remove(self.path("folder", "tokenizer.json"))
        with open(self.path("folder", "README.md"), "w") as file:
            file.write("came later\n")
        self.edit(self.path("folder", "model.safetensors"), b'"pt"', b'"xx"')
        for np in (0, 2):
            lines = self.without_time(self.verify(np, 4, self.path("folder")))
            self.assertRegex(lines[0], "^the header of model.safetensors is not what was written: " + hashes)
            self.assertRegex(lines[1], "^config.json is not what was written: " + hashes)
            self.assertEqual(lines[2:], ["tokenizer.json is missing", f"{self.path('folder')}: 0 of 6 blocks differ; 3 other problems (4.52 MB read)", "NOT verified"])
        self.edit(self.path("out.safetensors"), b'"pt"', b'"xx"')
        self.assertRegex(self.verify(0, 4, self.path("out.safetensors")), "^the header is not what was written: ")
        self.edit(self.path("out.h5"), b'"pt"', b'"xx"')
        self.assertRegex(self.verify(0, 4, self.path("out.h5")), "^the metadata is not what was written: ")

    def edit(self, path, old, new):
        with open(path, "rb") as file:
            text = file.read()
        self.assertEqual(text.count(old), 1)
        with open(path, "wb") as file:
            file.write(text.replace(old, new))

    def test_a_manifest_of_before_headers_were_recorded(self):
        output = self.merged("out.safetensors")
        with open(output + ".manifest.json") as file:
            manifest = json.load(file)
        self.assertEqual([part["part"] for part in manifest.pop("parts")], ["header"])
        with open(output + ".manifest.json", "w") as file:
            json.dump(manifest, file)
        last = self.without_time(self.verify(2, 0, output))[-1]
        self.assertEqual(last, "verified, tensors alone: the manifest is of a version that recorded nothing of headers and files beside them")
        self.assertTrue(json.loads(self.verify(0, 0, output, "--json"))["tensors_alone"])
        self.verify(2, 0, output, "--against")

    def test_an_output_that_changes_while_it_is_read(self):
        output = self.merged("out.safetensors")
        self.assert_change_is_told("pread:5:STOP:0", output, "dare-verify", output)

    def test_the_delta_checkpoints_of_a_sweep(self):
        with open(self.path("sweep.yml"), "w") as file:
            file.write("merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{model: m0.safetensors}, {model: m1.safetensors, stream: 5}]\n"
                       "seed: 7\noutputs: delta\nformat: safetensors\npoints: {one: {drop_rate: 0.9}}\n")
        process = run(0, "dare-sweep", self.path("sweep.yml"), self.path("swept"))
        self.assertEqual(process.returncode, 0, process.stderr)
        folder, stored = self.path("swept", "one"), self.path("swept", "one", "model1.safetensors")
        good = "verified, weights and masks alone: the manifest records nothing of the files beside them"
        for np in (0, 1, 3):
            lines = self.without_time(self.verify(np, 0, folder))
            self.assertRegex(lines[0], rf"^{re.escape(folder)}: 0 of 2 delta checkpoints differ \([0-9.]+ kB read\)$")
            self.assertEqual(lines[1:], [good])
        self.assertEqual(json.loads(self.verify(2, 0, folder, "--json"))["delta_checkpoints"], 2)
        self.assert_refused(run(2, "dare-verify", folder, "--against"), 2, f"{folder}: a sweep's delta checkpoints, no merge that --against could recompute; "
                            "merge recipe.yml and verify that", "dare-verify")
        self.change(stored, BIG, 1000)
        for np in (1, 3):
            lines = self.without_time(self.verify(np, 4, folder))
            self.assertRegex(lines[0], rf"^{re.escape(stored)}: XXH3-128 [0-9a-f]{{32}}, the manifest has [0-9a-f]{{32}}$")
            self.assertEqual((lines[1].split(" (")[0], lines[2:]), (f"{folder}: 1 of 2 delta checkpoints differ", ["NOT verified"]))
        self.change(stored, BIG, 1000)
        self.verify(2, 0, folder)
        with open(stored, "r+b") as file:
            text = file.read()
            file.seek(text.index(rb'\"stream\":5') + 11)
            file.write(b"6")
        lines = self.without_time(self.verify(2, 4, folder))
        self.assertEqual(lines[0], f"{stored}: its mask is of seed 7 and stream 6, that of the manifest's recipe of seed 7 and stream 5")
        os.remove(stored)
        self.assertIn("1 of 2 delta checkpoints differ", self.verify(3, 4, folder))

        manifest = self.path("swept", "one", "dare-manifest.json")
        with open(manifest, encoding="utf-8") as file:
            whole = json.load(file)
        for damage, found in ((lambda recipe: recipe["models"][1].update(stream="5"), 'recipe.models[1].stream is "5", expected a whole number from 0 up'),
                              (lambda recipe: recipe["models"].pop(), "recipe.models holds 1, the manifest lists 2 delta checkpoints"),
                              (lambda recipe: recipe.update(models=7), "recipe.models is 7, expected a list")):
            damaged = copy.deepcopy(whole)
            damage(damaged["recipe"])
            with open(manifest, "w", encoding="utf-8") as file:
                json.dump(damaged, file)
            self.assertIn(f"{manifest}: {found}; the manifest is damaged, take it from where the output came from\n", self.verify(2, 4, folder))

    def test_methods_that_survey_are_recomputed(self):
        for number, words in enumerate((["--method", "ties"], ["--method", "dare_linear", "--rescale", "l1"], ["--method", "della"])):
            output = self.merged(f"s{number}.safetensors", *words)
            text = self.verify(1 + number, 0, output, "--against", "--sample", "5")
            self.assertIn("0 of 5 runs recomputed from the inputs differ", text)

    def test_recipes_with_lists_are_read_back(self):
        with open(self.path("recipe.yml"), "w") as file:
            file.write("merge_method: dare_ties\nbase_model: base.safetensors\ndtype: float32\nseed: 18446744073709551615\nexclude: [norm]\n"
                       "parameters: {density: 0.25, lambda: 0.7}\n"
                       "models:\n- {model: m0.safetensors, parameters: {weight: [0.1, 0.9], drop_rate: {filter: up, value: 0.5}}}\n"
                       "- {model: m1.safetensors, stream: 9}\n")
        process = run(2, "dare-merge", self.path("recipe.yml"), self.path("out"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.verify(2, 0, self.path("out"), "--against", "--all", "--inputs-at", self.folder)
        words = own_words(run(0, "dare-verify", self.path("out"), "--against", "--inputs-at", self.path("nowhere")), "dare-verify")
        self.assertEqual(words[1], f"  {self.path('nowhere', 'm0.safetensors')}: no such file or folder (\"m0.safetensors\", relative to {self.path('nowhere')})")

    def test_relative_paths_from_another_folder(self):
        merge = command(1, "dare-merge", "--base", "base.safetensors", "--model", "m0.safetensors", "--drop-rate", "0.5", "out.h5")
        subprocess.run(merge, env=environment(), cwd=self.folder, check=True, capture_output=True)
        os.mkdir(self.path("elsewhere"))
        for np in (1, 2):
            process = subprocess.run(command(np, "dare-verify", "../out.h5", "--against"), env=environment(), cwd=self.path("elsewhere"),
                                     capture_output=True, text=True, timeout=60)
            self.assert_refused(process, 3, "2 problems found:\n  m0.safetensors: no such file or folder\n  base.safetensors: no such "
                                "file or folder\n  relative paths are those of the merge: name the folder that it ran in, or its recipe's, by --inputs-at",
                                "dare-verify")
        self.verify(2, 0, self.path("out.h5"), "--against", "--inputs-at", self.folder)
        output = self.merged("absolute.h5", models=1)  # --inputs-at is no help there
        os.remove(self.path("m0.safetensors"))
        process = run(0, "dare-verify", output, "--against")
        self.assert_refused(process, 3, f"{self.path('m0.safetensors')}: no such file or folder", "dare-verify")

    def test_inputs_that_are_no_longer_those(self):
        output = self.merged("out.safetensors")
        write_safetensors(self.path("m1.safetensors"), random_model(self.shapes, 1), {"format": "pt", "note": "another header"})
        lines = self.without_time(self.verify(2, 4, output, "--against"))
        self.assertRegex(lines[0], rf"^input {re.escape(self.path('m1.safetensors'))}: file m1.safetensors of \d+ bytes, the manifest lists m1.safetensors of \d+$")
        self.assertEqual(lines[-1], "NOT verified")

    def test_contents_of_inputs_where_the_manifest_has_their_hashes(self):
        output = self.merged("out.safetensors", "--hash-inputs")
        self.verify(2, 0, output, "--against", "--sample", "0")
        self.change(self.path("m1.safetensors"), "model.norm.weight", 3)
        lines = self.without_time(self.verify(3, 4, output, "--against", "--sample", "0"))
        self.assertRegex(lines[0], rf"^input {re.escape(self.path('m1.safetensors'))}: file m1.safetensors has other contents: their hash is "
                                   r"[0-9a-f]{32}, the manifest lists [0-9a-f]{32}$")

    def test_an_output_cut_off_is_a_mismatch(self):
        output = self.merged("out.safetensors")
        size = os.path.getsize(output)
        os.truncate(output, size - 1)
        lines = self.without_time(self.verify(2, 4, output))
        self.assertEqual(lines, [f"{output}: {size - 1} bytes, its header describes {size}; fetch the file again",
                                 f"{output}: none of the manifest's 6 blocks could be read (0 B read)", "NOT verified"])

    def test_a_missing_shard_is_a_mismatch(self):
        output = self.merged("folder", "--shard-size", "1MB")
        shard = sorted(name for name in os.listdir(output) if name.endswith(".safetensors"))[0]
        os.remove(os.path.join(output, shard))
        lines = self.without_time(self.verify(2, 4, output))
        self.assertEqual(lines, [f"{shard} is missing", f"{output}: none of the manifest's 6 blocks could be read (0 B read)", "NOT verified"])

    def test_other_tensors_than_the_manifest_has(self):
        output = self.merged("out.safetensors")
        model = random_model({**self.shapes, "model.norm.weight": [33], "extra": [2]}, "x")
        del model["scalar"]
        write_safetensors(output, model)
        lines = self.verify(2, 4, output).splitlines()
        self.assertEqual(lines[:3], ['tensor "model.norm.weight" is BF16 [33], the manifest has it as BF16 [32]',
                                     'tensor "scalar" is missing; the manifest has it as BF16 []', 'tensor "extra" is not in the manifest'])

    def test_what_is_refused(self):
        output = self.merged("out.safetensors")
        manifest = output + ".manifest.json"
        self.assertEqual(run(0, "dare-verify", manifest).stdout.splitlines()[-1], "verified")  # in its output's place
        folder = self.merged("out")
        self.assertEqual(run(2, "dare-verify", os.path.join(folder, "dare-manifest.json")).stdout.splitlines()[-1], "verified")
        self.assert_refused(run(2, "dare-verify"), 2, "one OUTPUT is expected, found 0; see dare-verify --help", "dare-verify")
        self.assert_refused(run(2, "dare-verify", output, "--all"), 2, "--inputs-at, --sample, --sample-seed, --all and --memory-per-rank go with --against",
                            "dare-verify")
        for words in (["--memory-per-rank", "1GiB"], ["--sample", "3"]):
            self.assertEqual(run(0, "dare-verify", output, *words).returncode, 2)
        self.assert_refused(run(2, "dare-verify", output, "--against", "--memory-per-rank", "1KiB"), 2,
                            "--memory-per-rank 1KiB: this needs at least 1MiB a rank", "dare-verify")
        self.assert_refused(run(2, "dare-verify", self.path("no")), 3, f"{self.path('no')}: no such file or folder", "dare-verify")
        long_name = self.path("n" * 300)
        self.assert_refused(run(0, "dare-verify", long_name), 3, f"{long_name}: cannot be read: File name too long", "dare-verify")
        with open(manifest, "r+") as file:
            text = file.read().replace('"xxh3_128":"', '"xxh3_128":"00')
            file.seek(0)
            file.write(text)
        self.assert_refused(run(3, "dare-verify", output), 3, f'{manifest}: tensor "model.embed.weight": 34 digits of hashes, its 1 blocks have 32 each; '
                            "the manifest is damaged, take it from where the output came from", "dare-verify")
        os.remove(manifest)
        self.assert_refused(run(2, "dare-verify", output), 3, f"{manifest}: no manifest is there; only outputs of dare-merge have one, "
                            "and it is moved along with them", "dare-verify")


if __name__ == "__main__":
    unittest.main()
