"""What the guarantees promise, on whole merges: the same bytes in every way of running, bounded memory, plans, summaries, conversions."""

import filecmp
import json
import multiprocessing
import os
import re
import subprocess
import unittest

from dare_system import BIN, SystemTest, command, contents, environment, own_words, random_model, read_safetensors, run, run_to_full, with_fault, write_safetensors


class SameBytes(SystemTest):
    def setUp(self):
        super().setUp()
        self.make_family()
        self.reference = self.merged(0, "reference.safetensors")

    def merged(self, np, output, *more):
        process = run(np, "dare-merge", *self.merge_words(output, *more))
        self.assertEqual(process.returncode, 0, process.stderr)
        return contents(self.path(output))

    def test_at_any_ranks_writers_and_memory(self):
        manifest = contents(self.path("reference.safetensors.manifest.json"))
        ways = [(1, "1", "512MiB"), (2, "node", "2MiB"), (3, "2", "64MiB"), (5, "all", "512MiB"), (5, "1", "1MiB")]
        for np, writers, memory in ways:
            with self.subTest(np=np, writers=writers, memory=memory):
                output = f"out{np}{writers}.safetensors"
                self.assertEqual(self.merged(np, output, "--writers", writers, "--memory-per-rank", memory) == self.reference, True)
                self.assertEqual(contents(self.path(output + ".manifest.json")), manifest)

    def test_folder_with_shards_and_hdf5_hold_the_same_tensors(self):
        expected = read_safetensors(self.path("reference.safetensors"))
        self.merged(3, "folder", "--shard-size", "1MB")
        with open(self.path("folder", "model.safetensors.index.json"), encoding="utf-8") as file:
            index = json.load(file)
        got = {}
        for shard in sorted(set(index["weight_map"].values())):
            got.update(read_safetensors(self.path("folder", shard)))
        self.assertEqual(got == expected, True)
        self.assertGreater(len(set(index["weight_map"].values())), 1)
        self.merged(2, "out.h5", "--writers", "all")
        back = run(2, "dare-convert", self.path("out.h5"), self.path("back.safetensors"))
        self.assertEqual(back.returncode, 0, back.stderr)
        self.assertEqual(read_safetensors(self.path("back.safetensors")) == expected, True)

    def test_hdf5_inputs_and_link_views(self):
        for name in ("base", "m0", "m1"):
            kind = [] if name != "m1" else ["--link"]
            process = run(2, "dare-convert", self.path(f"{name}.safetensors"), self.path(f"{name}.h5"), *kind)
            self.assertEqual(process.returncode, 0, process.stderr)
        words = ["--base", self.path("base.h5"), "--drop-rate", "0.5", "--weight", "0.5", "--seed", "7", "--model", self.path("m0.h5"), "--model",
                 self.path("m1.h5"), self.path("from_h5.safetensors")]
        process = run(3, "dare-merge", *words, "--log-level", "debug")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(contents(self.path("from_h5.safetensors")) == self.reference, True)
        # What was decided, with the hints that MPI granted; a view's own file is opened so, its weights are in another.
        told = [re.sub(r"^dare-merge: \d+\.\d{3} s: ", "", line) for line in own_words(process, "dare-merge")]
        self.assertRegex(told[0], r"^plan: 6 of 6 blocks to do by 3 ranks on 1 node, the largest \d\.\d{3} x the mean; 3 writers; tiles of \d+ elements, .* of 537 MB for")
        self.assertEqual(told[1], f"output: {self.path('.from_h5.safetensors.partial.safetensors')} of 1 file, made anew")
        for line, name, files in ((2, "base", "1 file"), (3, "m0", "1 file"), (4, "m1", "2 files")):
            self.assertRegex(told[line], rf"^input {self.path(name)}.h5: 5 tensors in {files}, HDF5 with MPI-IO, independent; hints granted: \S")
        self.assertEqual(told[5:10], ["passes: 0 before the merge, which read 0 B, and the merge", "passes before the merge done",
                                    "all slices read, merged and written", "outputs forced to the disk", "1 of 1 outputs in their places"])

    def test_overwrite_replaces_a_folder_whole(self):
        self.merged(2, "folder", "--shard-size", "1MB")
        one = self.merged(2, "folder", "--overwrite")
        self.assertEqual(sorted(one), ["dare-manifest.json", "model.safetensors"])
        self.assertEqual(self.hidden(), [])

    def test_hashes_of_the_inputs_in_the_manifest(self):
        self.merged(3, "hashed.safetensors", "--hash-inputs")
        manifest = json.loads(contents(self.path("hashed.safetensors.manifest.json"))[""])
        digests = [file["pieces_xxh3_128"] for given in manifest["inputs"] for file in given["files"]]
        self.assertEqual(len(set(digests)), 3)
        with open(self.path("m1.safetensors"), "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x01")
        self.merged(0, "again.safetensors", "--hash-inputs")
        again = json.loads(contents(self.path("again.safetensors.manifest.json"))[""])
        same = [a == b["pieces_xxh3_128"] for a, b in zip(digests, (f for given in again["inputs"] for f in given["files"]))]
        self.assertEqual(same, [True, True, False])

    def test_elements_that_are_not_finite_are_counted_where_they_are_kept(self):
        self.shapes = {"a.weight": [3, 1 << 20], "b.weight": [16]}
        self.make_family(models=1)
        model = random_model(self.shapes, 0)
        data = bytearray(model["a.weight"][2])
        for element, bits in ((3_000_000, b"\x80\x7f"), (1_500_000, b"\x80\xff"), (2_500_000, b"\xc0\x7f")):
            data[2 * element : 2 * element + 2] = bits
        write_safetensors(self.path("m0.safetensors"), {"a.weight": ("BF16", [3, 1 << 20], bytes(data)), "b.weight": model["b.weight"]})
        base = random_model(self.shapes, "base")
        base["b.weight"] = ("BF16", [16], b"\x80\x7f" + base["b.weight"][2][2:])  # excluded: copied as it is
        write_safetensors(self.path("base.safetensors"), base)
        manifests = set()
        for np in (1, 3):
            output = self.path(f"kept{np}.safetensors")
            words = ["--base", self.path("base.safetensors"), "--model", self.path("m0.safetensors"), "--method", "task_arithmetic", "--nonfinite", "keep",
                     "--exclude", "^b", output]
            if np == 3:  # what an interrupted run counted counts too
                self.assertNotEqual(run(2, "dare-merge", *words, **with_fault("fsync:2:KILL:0", ".partial")).returncode, 0)
            process = run(np, "dare-merge", *words, "--json", "--resume")
            self.assertEqual(json.loads(process.stdout)["elements_nonfinite"], 4, process.stderr)
            manifests.add(contents(output + ".manifest.json")[""])
        self.assertEqual(len(manifests), 1)
        self.assertEqual(json.loads(manifests.pop())["nonfinite_elements"], 4)
        self.assertIn("\n4 elements of the output are no finite number: kept, as the recipe says\n", run(0, "dare-merge", *words, "--overwrite").stdout)
        self.assertEqual(run(0, "dare-verify", output).returncode, 0)

    def model_folder(self, name, weights, **files):
        os.mkdir(self.path(name))
        write_safetensors(self.path(name, "model.safetensors"), random_model(self.shapes, weights), {"format": "pt"})
        for file, content in files.items():
            with open(self.path(name, file.replace("__", ".")), "w", encoding="utf-8") as out:
                json.dump(content, out) if file.endswith("json") else out.write(content)

    def test_tokenizers_and_configurations_that_differ_are_told(self):
        config = {"vocab_size": 300, "eos_token_id": 2, "torch_dtype": "bfloat16", "_name_or_path": "base", "rope": {"theta": 1}}
        self.model_folder("b", "base", config__json=config, tokenizer__json={"model": {}}, README__md="base")
        self.model_folder("same", 0, config__json={**config, "torch_dtype": "float32", "_name_or_path": "x"}, tokenizer__json={"model": {}}, README__md="other")
        self.model_folder("other", 1, config__json={**config, "eos_token_id": 3, "rope": {"theta": 2}}, tokenizer__json={"model": {"a": 1}}, merges__txt="a b")
        words = ["--base", self.path("b"), "--model", self.path("same"), "--model", self.path("other"), "--drop-rate", "0.5"]
        note = (f"dare-merge: {self.path('other')}: other files than {self.path('b')} has, which alone go into the output; put those that are meant there "
                "yourself: config.json (eos_token_id, rope), tokenizer.json (model), merges.txt (only there)")
        for np, more in ((0, ["--plan"]), (2, [self.path("out")])):
            process = run(np, "dare-merge", *words, *more)
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual([line for line in own_words(process, "dare-merge") if "other files" in line], [note])
        with open(self.path("out", "tokenizer.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"model": {}})
        # From an .h5 too.
        for name in ("b", "other"):
            self.assertEqual(run(0, "dare-convert", self.path(name), self.path(f"{name}.h5")).returncode, 0)
        process = run(0, "dare-merge", "--base", self.path("b.h5"), "--model", self.path("other.h5"), "--drop-rate", "0.5", "--plan")
        self.assertIn("config.json (eos_token_id, rope), tokenizer.json (model), merges.txt (only there)", process.stderr)
        self.assertEqual(run(0, "dare-merge", *words, "--plan", "--log-level", "error").stderr, "")

    def test_dropping_all_is_told(self):
        process = run(0, "dare-merge", *self.merge_words("out.h5", "--plan", "--drop-rate", "1"))  # 0.5 of m0
        self.assertIn("m1.safetensors: drop_rate 1: its whole delta is dropped, it adds nothing to ", process.stderr)
        self.assertNotIn("m0.safetensors", process.stderr)

    def test_umask(self):
        old = os.umask(0o027)
        try:
            self.merged(2, "folder")
        finally:
            os.umask(old)
        self.assertEqual(os.stat(self.path("folder", "model.safetensors")).st_mode & 0o777, 0o640)


class Conversion(SystemTest):
    def test_there_and_back_gives_the_same_files(self):
        os.mkdir(self.path("model"))
        tensors = random_model({"b": [70, 3], "a": [1 << 20, 3], "scalar": [], "none": [0]}, 5)
        tensors["ids"] = ("I64", [5], bytes(range(40)))
        tensors["mask"] = ("BOOL", [8], b"\1\0" * 4)
        names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        parts = [{n: tensors[n] for n in ("b", "a")}, {n: tensors[n] for n in ("scalar", "none", "ids", "mask")}]
        for name, part in zip(names, parts):
            write_safetensors(self.path("model", name), part, {"format": "pt", "note": "ä"})
        index = {"metadata": {"total_size": 1}, "weight_map": {n: name for name, part in zip(names, parts) for n in part}}
        for name, text in (("model.safetensors.index.json", json.dumps(index)), ("config.json", '{"torch_dtype": "bfloat16"}'), ("tokenizer.json", "{}")):
            with open(self.path("model", name), "w", encoding="utf-8") as file:
                file.write(text)
        for np in (1, 2, 3, 5):
            self.assertEqual(run(np, "dare-convert", self.path("model"), self.path(f"{np}.h5")).returncode, 0)
            self.assertEqual(filecmp.cmp(self.path("1.h5"), self.path(f"{np}.h5"), shallow=False), True)
        self.assertEqual(run(3, "dare-convert", self.path("1.h5"), self.path("back")).returncode, 0)
        self.assertEqual(contents(self.path("back")) == contents(self.path("model")), True)

    def test_dtype_is_rounded_and_told_in_config(self):
        os.mkdir(self.path("model"))
        write_safetensors(self.path("model", "model.safetensors"), random_model({"a": [100]}, 1, "F32"))
        with open(self.path("model", "config.json"), "w", encoding="utf-8") as file:
            file.write('{"torch_dtype": "float32", "x": 1}')
        self.assertEqual(run(2, "dare-convert", self.path("model"), self.path("half"), "--dtype", "BF16").returncode, 0)
        self.assertEqual(read_safetensors(self.path("half", "model.safetensors"))["a"][0], "BF16")
        self.assertEqual(contents(self.path("half"))["config.json"], b'{"torch_dtype": "bfloat16", "x": 1}')


class Words(SystemTest):
    def test_help_and_version_need_no_mpi_and_are_said_once(self):
        for program in ("dare-merge", "dare-convert"):
            for option, begins in (("--help", f"{program}: "), ("--version", f"{program} ")):
                process = run(3, program, option)
                self.assertEqual(process.returncode, 0)
                self.assertEqual(process.stdout.count(begins + ("" if option == "--version" else process.stdout.split(": ", 1)[1].split("\n")[0])), 1)

    def test_plan_reads_no_weight_and_writes_nothing(self):
        self.make_family()
        process = run(0, "dare-merge", *self.merge_words("out.h5", "--plan", "--json", "--ranks", "64", "--nodes", "8", "--bandwidth-read", "1GB"))
        self.assertEqual(process.returncode, 0, process.stderr)
        plan = json.loads(process.stdout)
        self.assertEqual((plan["ranks"], plan["nodes"], plan["writers"], plan["passes"]), (64, 8, 64, 1))
        sizes = sum(os.path.getsize(self.path(f"{name}.safetensors")) for name in ("base", "m0", "m1"))
        self.assertAlmostEqual(plan["bytes_read"], sizes, delta=3000)
        self.assertEqual(sorted(os.listdir(self.folder)), ["base.safetensors", "m0.safetensors", "m1.safetensors"])
        self.assertEqual([(one["weight"], one["drop_rate"], one["stream"]) for one in plan["recipe"]["models"]], [(0.5, 0.5, 0), (0.5, 0.5, 1)])
        self.assertEqual((plan["recipe"]["seed"], plan["recipe"]["merge_method"]), (7, "dare_linear"))
        space = plan["space"]
        self.assertEqual(space["folder"], self.folder)
        self.assertGreaterEqual(space["bytes_needed"], plan["bytes_written"])
        self.assertGreater(space["bytes_free"], 0)

    def test_plan_shows_what_is_merged_and_the_space(self):
        self.make_family()
        process = run(0, "dare-merge", *self.merge_words("out.h5", "--plan", "--dtype", "F32", "--lambda", "0.7"))
        self.assertEqual(process.returncode, 0, process.stderr)
        lines = process.stdout.split("\n")
        self.assertEqual(lines[:8], ["method           dare_linear", f"base             {self.path('base.safetensors')}", "lambda           0.7", "normalize        no",
                                     "seed             7", "output dtype     F32", "", "weight  drop rate  rescale   stream  model"])
        self.assertEqual(lines[8:11], [f"0.5     0.5        expected       {i}  {self.path(f'm{i}.safetensors')}" for i in (0, 1)] + [""])
        self.assertRegex(process.stdout, f"\nspace            11.1 MB needed in {self.folder}, .* free\n$")

    def test_a_selection_needs_three_passes(self):
        self.make_family()
        process = run(0, "dare-merge", *self.merge_words("out.h5", "--method", "magnitude_prune", "--plan", "--json"))
        self.assertEqual(json.loads(process.stdout)["passes"], 3, process.stderr)

    def test_summary(self):
        self.make_family()
        process = run(2, "dare-merge", *self.merge_words("out.h5", "--json"))
        summary = json.loads(process.stdout)
        self.assertEqual(set(summary["stages_s"]), {"read", "merge", "gather", "write", "journal", "fsync", "wait"})
        self.assertEqual(summary["tensors"], len(self.shapes))


class Deltas(SystemTest):
    """Models that are the base, in whole or in part, are told; what is told does not depend on how the merge was run."""

    def setUp(self):
        super().setUp()
        self.make_family()
        self.base = read_safetensors(self.path("base.safetensors"))
        for number in range(2):  # the last bit of each bfloat16 is another: fine-tuned, a little
            write_safetensors(self.path(f"m{number}.safetensors"), {
                name: (dtype, shape, bytes(byte ^ (1 - at % 2) for at, byte in enumerate(data))) for name, (dtype, shape, data) in self.base.items()})

    def told(self, np, *more, merged="out.safetensors"):
        process = run(np, "dare-merge", *self.merge_words(merged, "--json", "--overwrite", *more))
        self.assertEqual(process.returncode, 0, process.stderr)
        return own_words(process, "dare-merge"), json.loads(process.stdout)["models"]

    def test_a_model_that_is_the_base(self):
        write_safetensors(self.path("m1.safetensors"), self.base)
        path = self.path("m1.safetensors")
        for np, more in ((1, ()), (3, ("--memory-per-rank", "1MiB", "--writers", "1")), (5, ("--method", "ties")), (2, ("--method", "della"))):
            with self.subTest(np=np, more=more):
                words, models = self.told(np, *more)
                self.assertEqual(words, [f"dare-merge: model 2 ({path}): equal to the base in every tensor merged; is it the path that was meant?"])
                self.assertEqual(models, [{"path": self.path("m0.safetensors"), "tensors": 4, "tensors_without_delta": 0},
                                          {"path": path, "tensors": 4, "tensors_without_delta": 4}])
        self.assertEqual(self.told(2, "--log-level", "error")[0], [])

    def test_tensors_of_a_model_and_a_delta_in_the_last_element(self):
        name = "model.layers.0.up.weight"
        dtype, shape, data = self.base[name]
        tensors = {**self.base, name: (dtype, shape, data[:-1] + bytes([data[-1] ^ 0x80]))}
        write_safetensors(self.path("m1.safetensors"), tensors)
        for np in (1, 2, 3, 5):
            self.assertEqual(self.told(np)[0], [f"dare-merge: model 2 ({self.path('m1.safetensors')}): 3 of 4 tensors merged have no delta"])

    def test_models_that_differ_are_not_mentioned(self):
        self.assertEqual(self.told(2)[0], [])

    def test_a_model_of_another_base(self):
        write_safetensors(self.path("m1.safetensors"), random_model(self.shapes, 1))
        base, path = self.path("base.safetensors"), self.path("m1.safetensors")
        for np in (1, 3):
            [line] = self.told(np)[0]
            self.assertRegex(line, rf"^dare-merge: model 2 \({re.escape(path)}\): probably not trained from this base: the cosine of its weight matrices with "
                             rf"the base's is -?0\.0\d in a sample, below 0\.5; dare-inspect --base {re.escape(base)} {re.escape(path)} measures them all$")

    def test_deltas_of_a_model_that_is_the_base(self):
        write_safetensors(self.path("whole.safetensors"), self.base)
        made = run(2, "dare-convert", self.path("whole.safetensors"), self.path("m1.safetensors"), "--delta", "--overwrite", "--base",
                   self.path("base.safetensors"), "--drop-rate", "0.5", "--seed", "7", "--stream", "1")
        self.assertEqual(made.returncode, 0, made.stderr)
        words, models = self.told(3)
        self.assertEqual(len(words), 1)
        self.assertIn("equal to the base in every tensor merged", words[0])
        self.assertEqual(models[1]["tensors_without_delta"], 4)

    def test_an_adapter_that_was_never_trained(self):
        os.mkdir(self.path("adapter"))
        with open(self.path("adapter", "adapter_config.json"), "w", encoding="utf-8") as file:
            json.dump({"peft_type": "LORA", "r": 2, "lora_alpha": 4}, file)
        prefix = "base_model.model.model.layers.0.up.lora_"
        for factor, expected in ((b"\0", 1), (b"\x3f", 0)):
            write_safetensors(self.path("adapter", "adapter_model.safetensors"),
                              {f"{prefix}A.weight": ("BF16", [2, 2048], b"\x3f" * 8192), f"{prefix}B.weight": ("BF16", [1100, 2], factor * 4400)})
            process = run(2, "dare-merge", "--base", self.path("base.safetensors"), "--model", self.path("adapter"), "--drop-rate", "0", "--json",
                          "--overwrite", self.path("out.safetensors"))
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(json.loads(process.stdout)["models"], [{"path": self.path("adapter"), "tensors": 1, "tensors_without_delta": expected}])

    def test_after_an_interruption_only_what_this_run_saw(self):
        write_safetensors(self.path("m1.safetensors"), self.base)
        killed = run(2, "dare-merge", *self.merge_words("out.safetensors"), **with_fault("fsync:2:KILL:0", ".partial"))
        self.assertNotEqual(killed.returncode, 0)
        process = run(3, "dare-merge", *self.merge_words("out.safetensors", "--resume", "--json"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(own_words(process, "dare-merge"),
                         [f"dare-merge: {self.path('out.safetensors')}: goes on where an interrupted run stopped, with 6 of 6 blocks done"])
        self.assertEqual([model["tensors"] for model in json.loads(process.stdout)["models"]], [0, 0])


class LongRows(SystemTest):
    shapes = {"rows": [5, 300_000], "short": [64]}  # of no whole number of tiles or blocks

    def test_rows_longer_than_a_tile(self):
        """della ranks within rows. They are merged once and handed out tile by tile; dare-verify merges each piece by itself."""
        self.make_family()
        found = set()
        for np, memory in ((1, "512MiB"), (2, "512MiB"), (3, "32MiB")):
            output = f"out{np}.safetensors"
            process = run(np, "dare-merge", *self.merge_words(output, "--method", "della", "--memory-per-rank", memory, "--json"))
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(json.loads(process.stdout)["elements_merged"], 1_500_064)
            found.add((contents(self.path(output))[""], json.loads(process.stdout)["elements_swallowed"]))
        self.assertEqual(len(found), 1)
        checked = run(0, "dare-verify", self.path("out1.safetensors"), "--against")
        self.assertEqual(checked.returncode, 0, checked.stderr)


class Ends(SystemTest):
    def test_a_summary_of_an_output_whose_name_is_no_text(self):
        self.make_family(models=1)
        name = os.fsencode(self.folder) + b"/u\xff.h5"
        words = [*self.merge_words("x", "--json", models=1)[:-1], name]
        process = subprocess.run([os.fsencode(os.path.join(BIN, "dare-merge")), *words], env=environment(), capture_output=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(os.path.basename(json.loads(process.stdout)["output"]), "u\ufffd.h5")
        self.assertTrue(os.path.exists(name))

    def test_paths_that_are_no_text(self):
        # Their bytes are shown as U+FFFD wherever JSON or text is written, and nothing else depends on them.
        self.make_family(models=1)
        folder = os.fsencode(self.folder)
        os.rename(self.path("m0.safetensors"), folder + b"/m\xff.safetensors")

        def called(program, *words):
            process = subprocess.run([os.fsencode(os.path.join(BIN, program)), *map(os.fsencode, words)], env=environment(), capture_output=True, timeout=60)
            self.assertEqual(process.returncode, 0, process.stderr)
            return process

        def summary(program, *words):
            return json.loads(called(program, *words, "--json").stdout)

        base, model, output = self.path("base.safetensors"), folder + b"/m\xff.safetensors", folder + b"/o\xff"
        merge = ["--base", base, "--model", model, "--drop-rate", "0.5", output]
        self.assertEqual(os.path.basename(summary("dare-merge", *merge)["output"]), "o\ufffd")
        with open(output + b"/dare-manifest.json", encoding="utf-8") as file:
            manifest = json.load(file)
        self.assertEqual([os.path.basename(one["path"]) for one in manifest["inputs"]], ["base.safetensors", "m\ufffd.safetensors"])
        self.assertEqual(os.path.basename(manifest["recipe"]["models"][0]["model"]), "m\ufffd.safetensors")
        self.assertIn(b"finished already", called("dare-merge", *merge, "--resume").stderr)
        called("dare-verify", output)
        summary("dare-inspect", model)
        summary("dare-diff", model, model)
        explained = summary("dare-merge", "--explain", "model.norm.weight[3]", *merge[:-1])
        self.assertEqual(os.path.basename(explained["models"][0]["model"]), "m\ufffd.safetensors")
        converted = summary("dare-convert", model, folder + b"/c\xff.h5")
        self.assertEqual(os.path.basename(converted["output"]), "c\ufffd.h5")
        self.assertEqual(summary("dare-convert", "--link", model, folder + b"/v\xff.h5")["tensors"], len(self.shapes))
        summary("dare-convert", "--include", b"\xff|norm", model, self.path("some.safetensors"))
        delta = ["--delta", "--base", base, "--drop-rate", "0.5", model, folder + b"/d\xff.safetensors"]
        self.assertEqual(os.path.basename(summary("dare-convert", *delta)["output"]), "d\ufffd.safetensors")
        with open(self.path("sweep.yml"), "wb") as file:
            file.write(b'base_model: base.safetensors\nmerge_method: dare_linear\nmodels: [{model: delta.safetensors}]\ngrid: {drop_rate: [0.5]}\n')
        os.symlink(model, self.path("delta.safetensors"))
        swept = summary("dare-sweep", self.path("sweep.yml"), folder + b"/s\xff")
        self.assertEqual((os.path.basename(swept["folder"]), swept["done"]), ("s\ufffd", 1))

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_an_output_stands_though_its_summary_cannot_be_written(self):
        self.make_family(models=1)
        base, model = self.path("base.safetensors"), self.path("m0.safetensors")
        with open(self.path("sweep.yml"), "w") as file:
            file.write("base_model: base.safetensors\nmerge_method: dare_linear\nmodels: [{model: m0.safetensors}]\ngrid: {drop_rate: [0.5]}\n")
        complete, stands = "is complete; its summary", "what was done stands; the summary"
        for np in (0, 3):
            for name, program, words, kept in (
                    ("merged.h5", "dare-merge", self.merge_words("", models=1)[:-1], complete), ("merged2.h5", "dare-merge", [*self.merge_words("", models=1)[:-1], "--json"], complete),
                    ("converted.h5", "dare-convert", [model], complete), ("view.h5", "dare-convert", ["--link", model], complete),
                    ("delta.h5", "dare-convert", ["--delta", "--base", base, "--drop-rate", "0.5", model], complete), ("swept", "dare-sweep", [self.path("sweep.yml")], stands)):
                with self.subTest(np=np, name=name):
                    output = self.path(f"{np}{name}")
                    process = run_to_full(np, program, *words, output)
                    self.assertEqual(own_words(process, program)[-1], f"{program}: {output}: {kept} could not be written to standard output (No space left on device)")
                    self.assertEqual(process.returncode, 1)
                    whole = os.path.join(output, "drop_rate=0.5") if kept is stands else output
                    self.assertEqual(run(0, "dare-inspect", whole).returncode, 0)
        again = run(0, "dare-merge", *self.merge_words("0merged.h5", "--resume", models=1))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(run_to_full(0, "dare-merge", "--help").returncode, 1)

    def test_a_reader_that_has_gone(self):
        self.make_family(models=1)
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "wb") as pipe:
            process = subprocess.run(command(0, "dare-merge", *self.merge_words("out.h5", models=1)), env=environment(), stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(own_words(process, "dare-merge")[-1], f"dare-merge: {self.path('out.h5')}: is complete; its summary could not be written to standard output (Broken pipe)")
        self.assertEqual(process.returncode, 1)

    def test_a_refused_product_is_in_no_place(self):
        self.make_family(models=1)
        write_safetensors(self.path("m0.safetensors"), {name: (dtype, shape, b"\xc0\x7f" * (len(data) // 2)) for name, (dtype, shape, data) in
                                                        random_model(self.shapes, 0).items()}, {"format": "pt"})
        process = run(0, "dare-merge", *self.merge_words("out.h5", "--log-level", "debug", models=1))
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn(": 0 of 1 outputs in their places\n", process.stderr)


class Memory(SystemTest):
    shapes = {f"layers.{n}.weight": [4096, 4096] for n in range(10)}

    def test_peak_stays_below_the_limit_whatever_the_size(self):
        """335 MB a model at 16 MiB of buffers: the rest is the program itself and MPI."""
        # In another process: the kernel counts what this one holds while it starts the program.
        maker = multiprocessing.Process(target=self.make_family)
        maker.start()
        maker.join()
        line = command(0, "dare-merge", *self.merge_words("out.safetensors", "--memory-per-rank", "16MiB"))
        with subprocess.Popen(line, env=environment(), stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertLess(usage.ru_maxrss * 1024, (16 + 64) << 20)


if __name__ == "__main__":
    unittest.main()
