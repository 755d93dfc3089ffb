"""dare-convert selects, renames, rounds and cuts; what it writes is what it was told, at any number of ranks."""

import json
import os
import shutil
import struct
import subprocess
import unittest

from dare_system import SystemTest, contents, own_words, random_model, read_safetensors, run, with_fault, write_safetensors

NAMES = {"model.layers.0.up.weight": [1100, 2048], "model.layers.0.up.bias": [33], "model.layers.1.up.weight": [70, 3], "lm_head.weight": [7, 5], "empty": [0, 2]}


class Convert(SystemTest):
    def setUp(self):
        super().setUp()
        self.tensors = random_model(NAMES, 1)
        self.tensors["ids"] = ("I64", [5], bytes(range(40)))
        write_safetensors(self.path("m.safetensors"), self.tensors, {"format": "pt"})

    def convert(self, np, source, output, *words, code=0):
        process = run(np, "dare-convert", self.path(source), self.path(output), *words)
        self.assertEqual(process.returncode, code, process.stderr)
        return process

    def expect(self, path, wanted):
        found = read_safetensors(self.path(path))
        self.assertEqual(list(found), list(wanted))
        for name, old in wanted.items():
            self.assertEqual(found[name] == self.tensors[old], True, name)

    SELECTION = ("--include", "^model\\.", "--include", "ids", "--exclude", "bias$", "--rename", "^model\\.=", "--rename", "layers\\.([0-9]+)=h.$1")
    WANTED = {"h.0.up.weight": "model.layers.0.up.weight", "h.1.up.weight": "model.layers.1.up.weight", "ids": "ids"}

    def test_selects_and_renames_between_all_formats_at_any_number_of_ranks(self):
        found = set()
        for np in (0, 1, 2, 3, 5):
            self.convert(np, "m.safetensors", f"{np}.h5", *self.SELECTION)
            found.add(contents(self.path(f"{np}.h5"))[""])
        self.assertEqual(len(found), 1)
        self.convert(2, "5.h5", "back.safetensors")
        self.expect("back.safetensors", self.WANTED)
        self.convert(0, "m.safetensors", "whole.h5")
        self.convert(3, "whole.h5", "from.safetensors", *self.SELECTION)
        self.expect("from.safetensors", self.WANTED)
        self.convert(2, "from.safetensors", "same.safetensors", "--rename", "^h\\.=model.layers.")
        self.expect("same.safetensors", {old: old for old in self.WANTED.values()})

    def test_a_view_has_the_selection_too(self):
        self.convert(2, "m.safetensors", "view.h5", "--link", *self.SELECTION)
        self.assertLess(os.path.getsize(self.path("view.h5")), 20_000)
        self.convert(2, "view.h5", "copy.safetensors")
        self.expect("copy.safetensors", self.WANTED)
        self.convert(2, "view.h5", "folder")
        self.expect("folder/model.safetensors", self.WANTED)

    def test_a_view_is_read_from_the_files_that_were_checked(self):
        other = {name: (dtype, shape, bytes(len(data))) for name, (dtype, shape, data) in self.tensors.items()}
        os.mkdir(self.path("elsewhere"))
        write_safetensors(self.path("elsewhere", "m.safetensors"), other, {"format": "pt"})
        self.convert(0, "m.safetensors", "view.h5", "--link")
        for np in (0, 2):
            process = run(np, "dare-convert", self.path("view.h5"), self.path(f"{np}.safetensors"), HDF5_EXTFILE_PREFIX=self.path("elsewhere"))
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(contents(self.path(f"{np}.safetensors")) == contents(self.path("m.safetensors")), True)

    @unittest.skipUnless(shutil.which("h5repack"), "no h5repack here")
    def test_a_repacked_file_is_the_same_checkpoint(self):
        self.convert(2, "m.safetensors", "folder")
        with open(self.path("folder", "tokenizer.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps([n * n for n in range(9_000)]))
        self.convert(0, "folder", "m.h5")
        weight = "tensors/model.layers.0.up.weight"
        packing = ["-l", f"{weight}:CHUNK=300x77"]
        for packed in ("SHUF", "GZIP=6", "FLET"):
            packing += ["-f", f"{weight},tensors/lm_head.weight,files/tokenizer.json:{packed}"]
        subprocess.run(["h5repack", *packing, self.path("m.h5"), self.path("packed.h5")], check=True)
        self.assertLess(os.path.getsize(self.path("packed.h5")), os.path.getsize(self.path("m.h5")))
        for np in (1, 3):
            self.convert(np, "packed.h5", f"back{np}")
            self.assertEqual(contents(self.path(f"back{np}")) == contents(self.path("folder")), True)

    def test_with_type_and_shards(self):
        self.convert(2, "m.safetensors", "out", *self.SELECTION, "--dtype", "F32", "--shard-size", "400000")
        shards = sorted(name for name in os.listdir(self.path("out")) if name.startswith("model-"))
        self.assertEqual(shards, ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
        with open(self.path("out", "model.safetensors.index.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["weight_map"], {"h.0.up.weight": shards[0], "h.1.up.weight": shards[1], "ids": shards[1]})
        self.assertEqual([(name, value[0]) for name, value in read_safetensors(self.path("out", shards[1])).items()], [("h.1.up.weight", "F32"), ("ids", "I64")])
        self.convert(2, "out", "again.safetensors", "--dtype", "BF16")
        self.expect("again.safetensors", self.WANTED)

    def test_a_renamed_model_merges_with_its_base(self):
        self.make_family(1)
        self.convert(2, "m0.safetensors", "theirs.safetensors", "--rename", "^model\\.=other.")
        self.convert(2, "theirs.safetensors", "ours.safetensors", "--rename", "^other\\.=model.")
        merged = []
        for model in ("m0", "ours"):
            process = run(2, "dare-merge", "--base", self.path("base.safetensors"), "--model", self.path(f"{model}.safetensors"), "--drop-rate", "0.5", self.path(f"{model}.out.safetensors"))
            self.assertEqual(process.returncode, 0, process.stderr)
            merged.append(contents(self.path(f"{model}.out.safetensors"))[""])
        self.assertEqual(merged[0] == merged[1], True)

    def test_refusals_write_nothing(self):
        source = self.path("m.safetensors")
        bad_delta = "; convert the model with it first"
        cases = {
            ("--rename", "x"): "--rename x: give REGEX=REPLACEMENT, e.g. '^transformer\\.=model.'",
            ("--include", "zzz"): f'--include: "zzz" is found in the name of no tensor of {source}; dare-inspect lists them',
            ("--rename", "layers.[01]=l"): '--rename makes "model.l.up.weight" of two tensors, "model.layers.0.up.weight" and "model.layers.1.up.weight"',
            ("--delta", "--rename", "a=b"): f"--rename does not go with --delta, whose masks belong to the base's names{bad_delta}",
            ("--base", "x"): "--base goes with --delta",
            ("--dtype", "F16", "--overflow", "clip"): '--overflow: expected error or saturate, found "clip"',
            ("--overflow", "saturate"): "--overflow goes with --dtype",
            ("--dtype", "I8"): "--dtype I8: no float type; give e.g. F32, BF16, F16",
        }
        for words, message in cases.items():
            for np in (0, 2):
                with self.subTest(words=words, np=np):
                    self.assert_refused(run(np, "dare-convert", source, self.path("out.h5"), *words), 2, message, "dare-convert")
        self.assertEqual(sorted(os.listdir(self.folder)), ["m.safetensors"])

    def test_floats_that_the_other_type_does_not_hold(self):
        write_safetensors(self.path("big.safetensors"), {"w": ("F32", [2], struct.pack("<2f", 1e5, -1e5))})
        process = self.convert(2, "big.safetensors", "x.safetensors", "--dtype", "F16", code=3)
        self.assertEqual(own_words(process, "dare-convert"), [
            f'dare-convert: {self.path("big.safetensors")}: tensor "w": element 0 is 100000, more than F16 holds; write a wider dtype, or its largest: '
            "--overflow saturate, `overflow: saturate` in a recipe"])
        self.convert(2, "big.safetensors", "x.safetensors", "--dtype", "F16", "--overflow", "saturate")
        self.assertEqual(read_safetensors(self.path("x.safetensors"))["w"], ("F16", [2], struct.pack("<2e", 65504, -65504)))

    def test_one_shard_of_several_is_noted(self):
        os.rename(self.path("m.safetensors"), self.path("model-00001-of-00002.safetensors"))
        process = self.convert(2, "model-00001-of-00002.safetensors", "x.h5")
        self.assertEqual(own_words(process, "dare-convert"), [
            f"dare-convert: {self.path('model-00001-of-00002.safetensors')}: one of 2 shards, converted without the others; their folder is the whole model"])

    def test_a_delta_checkpoint_stays_whole(self):
        self.make_family(1)
        self.convert(0, "m0.safetensors", "d.h5", "--delta", "--base", self.path("base.safetensors"), "--drop-rate", "0.5")
        process = self.convert(2, "d.h5", "x.h5", "--include", "embed", code=2)
        self.assertEqual(own_words(process, "dare-convert"), [
            f"dare-convert: {self.path('d.h5')}: a delta checkpoint, whose tensors belong together; select and rename the model that it was made from, then make it again"])
        self.convert(2, "d.h5", "d.safetensors")
        self.convert(2, "d.safetensors", "d2.h5")
        self.convert(0, "d2.h5", "d2.safetensors")
        self.assertEqual(contents(self.path("d.safetensors")) == contents(self.path("d2.safetensors")), True)

    def test_a_resumed_run_must_have_the_same_selection(self):
        words = ["dare-convert", self.path("m.safetensors"), self.path("out.safetensors")]
        # The output's header and folder are forced to the disk first; the weights come third.
        process = run(0, *words, "--rename", "^lm_=the_", **with_fault("fsync:2:EIO", ".out.safetensors.partial"))
        self.assertEqual(process.returncode, 1, process.stderr)
        blocks = 7  # three of the largest tensor, one of each other that is not empty
        process = run(0, *words, "--rename", "^lm_=a_", "--resume")
        self.assertEqual(own_words(process, "dare-convert"), [
            f"dare-convert: {self.path('out.safetensors')}: an interrupted run of another recipe, program or inputs did {blocks} of {blocks} blocks there; "
            "name another output, or give --restart, which removes them and begins anew; what differs:",
            '  recipe.selection.rename[0][1]: "a_", was "the_"'])
        self.assertEqual(process.returncode, 3)
        self.assertEqual(run(2, *words, "--rename", "^lm_=the_", "--resume").returncode, 0)
        self.expect("out.safetensors", {name.replace("lm_", "the_"): name for name in self.tensors})


if __name__ == "__main__":
    unittest.main()
