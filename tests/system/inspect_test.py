"""dare-inspect lists what is there and tells models that DARE can merge from those that it cannot."""

import json
import math
import os
import random
import re
import shutil
import struct
import unittest

from dare_system import SystemTest, own_words, read_safetensors, run, run_to_full, write_safetensors

FAMILY = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "family")


def f32(values):
    return struct.pack(f"<{len(values)}f", *values)


class Inspect(SystemTest):
    def inspect(self, np, *words):
        process = run(np, "dare-inspect", *words)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(process.stderr, "")
        return process.stdout

    def report(self, np, *words):
        return json.loads(self.inspect(np, *words, "--json"))["checkpoints"]

    def pair(self, base, model, shape=None):
        write_safetensors(self.path("base.safetensors"), {"w": ("F32", shape or [len(base)], f32(base))})
        write_safetensors(self.path("model.safetensors"), {"w": ("F32", shape or [len(model)], f32(model))})
        return ["--base", self.path("base.safetensors"), self.path("model.safetensors")]

    def synthetic(self, delta, model=None):
        """A pair of matrices [256, 256] with weights of .05 and normal deltas of mean size `delta`."""
        generator = random.Random(1)
        base = [generator.gauss(0, 0.05) for _ in range(65536)]
        if model is None:
            model = [b + generator.gauss(0, delta / math.sqrt(2 / math.pi)) for b in base]
        return self.pair(base, model, [256, 256])

    def test_listing(self):
        write_safetensors(self.path("m.safetensors"), {"a.w": ("BF16", [3, 2], bytes(12)), "i": ("I64", [], bytes(8)), "e": ("BF16", [0], b"")}, {"format": "pt"})
        size = os.path.getsize(self.path("m.safetensors"))
        begin = size - 20
        self.assertEqual(self.inspect(2, self.path("m.safetensors")).splitlines(), [
            f"{self.path('m.safetensors')}: safetensors, 3 tensors, 7 elements, 20 B",
            "  BF16: 2 tensors, 6 elements, 12 B",
            "  I64: 1 tensor, 1 element, 8 B",
            f"  file m.safetensors: {size} bytes",
            '  metadata: {"format":"pt"}',
            f"type  bytes  shape   {'stored in':<{len(f'm.safetensors at {begin}')}}  tensor",
            f"BF16     12  [3, 2]  m.safetensors at {begin}  a.w",
            f"I64       8  []      m.safetensors at {begin + 12}  i",
            f"BF16      0  [0]     {'no bytes':<{len(f'm.safetensors at {begin}')}}  e",
        ])
        [listing] = self.report(0, self.path("m.safetensors"))
        self.assertEqual(listing["totals"], {"tensors": 3, "elements": 7, "bytes": 20})
        self.assertEqual(listing["metadata"], {"format": "pt"})
        self.assertEqual([(t["name"], t["dtype"], t["shape"], t["offset"]) for t in listing["tensors"]],
                         [("a.w", "BF16", [3, 2], begin), ("i", "I64", [], begin + 12), ("e", "BF16", [0], size)])

    def test_a_delta_checkpoint_in_words(self):
        base, model = f"{FAMILY}/base", f"{FAMILY}/digit"
        made = run(0, "dare-convert", model, self.path("d.safetensors"), "--delta", "--base", base, "--drop-rate", "0.9", "--seed", "5", "--stream", "2")
        self.assertEqual(made.returncode, 0, made.stderr)
        lines = self.inspect(2, self.path("d.safetensors")).splitlines()
        kept = re.match(r"  drop rate 0\.9, seed 5, stream 2: (\d+) of 567296 float elements; stored as the model has them, a merge rescales$", lines[2])
        self.assertAlmostEqual(int(kept[1]) / 567296, 0.1, delta=0.005)
        self.assertEqual(lines[1], f"  a delta checkpoint: what DARE keeps of {model} beside the base {base}")
        self.assertNotIn("dare_delta\"", "\n".join(lines))
        self.assertTrue(any(re.search(r"\[\d+\] of \[10, 512\] .* heads\.digit\.weight$", line) for line in lines), lines)
        self.assertIn("dare_delta.kept_before", lines[-1] + lines[-2])
        [found] = self.report(0, self.path("d.safetensors"))
        self.assertEqual(found["delta"], {"base": base, "model": model, "drop_rate": 0.9, "seed": 5, "stream": 2, "rescaled": False})
        self.assertEqual(found["totals"]["tensors"], 11)

    def test_an_adapter_alone(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "lora", "linear")
        lines = self.inspect(0, folder).splitlines()
        self.assertEqual(lines[1], "  a LoRA adapter of a base that it does not name: 4 tensors changed by products of two factors, rank 3, scale 2")
        self.assertEqual(sum(".lora_A." in line for line in lines), 4)
        [found] = self.report(2, folder)
        self.assertEqual(found["adapter"]["base"], None)
        self.assertEqual([(p["rank"], p["scale"]) for p in found["adapter"]["products"]], [(3, 2)] * 4)
        self.assertEqual(len(found["tensors"]), 8)
        shutil.copytree(folder, self.path("named"))
        with open(self.path("named", "adapter_config.json"), encoding="utf-8") as file:
            config = json.load(file)
        with open(self.path("named", "adapter_config.json"), "w", encoding="utf-8") as file:
            json.dump({**config, "base_model_name_or_path": "org/llama"}, file)
        self.assertIn("\n  a LoRA adapter of org/llama: 4 tensors changed", self.inspect(0, self.path("named"), "--totals"))

    def test_several_checkpoints_and_hdf5(self):
        self.make_family(models=1)
        self.assertEqual(run(2, "dare-convert", self.path("m0.safetensors"), self.path("m0.h5")).returncode, 0)
        one, two = self.report(2, self.path("m0.safetensors"), self.path("m0.h5"), "--totals")
        self.assertEqual((one["format"], two["format"]), ("safetensors", "HDF5"))
        self.assertEqual(one["totals"], two["totals"])
        self.assertNotIn("tensors", one)

    def test_figures_of_a_worked_example(self):
        base = [1, 2, 4, 0, 0, -1]
        delta = [0.5, -0.25, 0, 0, 1, -0.5]
        words = self.pair(base, [b + d for b, d in zip(base, delta)], [2, 3])
        for np in (0, 1, 2, 3):
            [report] = self.report(np, *words, "--drop-rate", "0.9")
            [w] = report["tensors"]
            self.assertEqual((w["elements"], w["mean_abs"], w["max_abs"], w["max_abs_at"]), (6, 2.25 / 6, 1, 4))
            self.assertAlmostEqual(w["share_zero"], 2 / 6)
            dd = sum(d * d for d in delta)
            self.assertAlmostEqual(w["relative_norm"], math.sqrt(dd / 22), 12)
            rows = (0.25**2 + 0.5**2)
            self.assertAlmostEqual(w["noise"][0]["noise_to_signal"], 3 * math.sqrt(dd / rows), 9)
            # Sizes 0 0 .25 .5 .5 1: the smallest that so many tenths of six do not exceed.
            for found, exact in zip(w["deciles_abs"], [0, 0, 0, 0.25, 0.25, 0.5, 0.5, 0.5, 1]):
                self.assertAlmostEqual(found, exact, delta=exact * 0.004)
            self.assertEqual({key: value for key, value in w.items() if key in report["overall"]}, report["overall"])

    def test_figures_do_not_depend_on_ranks(self):
        self.make_family(models=2)
        words = ["--base", self.path("base.safetensors"), self.path("m0.safetensors"), self.path("m1.safetensors"), "--json"]
        self.assertEqual(len({self.inspect(np, *words) for np in (1, 2, 3, 5)}), 1)

    def test_rows_across_blocks(self):
        # Rows of 50,000 elements, sums in blocks of 65,536: most rows are cut.
        base = [0.0] * 200_000
        model = [(i // 50_000 + 1) * 2.0**-10 for i in range(200_000)]
        [report] = self.report(3, *self.pair(base, model, [4, 50_000]), "--drop-rate", "0.5")
        rows = sum((50_000 * (r + 1) * 2.0**-10)**2 for r in range(4))
        dd = sum(50_000 * ((r + 1) * 2.0**-10)**2 for r in range(4))
        self.assertAlmostEqual(report["overall"]["noise"][0]["noise_to_signal"], math.sqrt(dd / rows), 9)

    def test_lost_to_rounding(self):
        words = self.pair([1.0, 1.0, 1.0, 1.0], [1.001, 1.1, 1.0, 1 + 2**-23])
        self.assertEqual(self.report(2, *words)[0]["overall"]["share_lost_to_rounding"], 0)
        self.assertEqual(self.report(2, *words, "--dtype", "bf16")[0]["overall"]["share_lost_to_rounding"], 0.5)

    def test_an_adapter_is_measured_as_the_model_that_peft_merges(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "lora", "linear")
        base = os.path.join(folder, "base.safetensors")
        adapter, merged = (self.report(np, "--base", base, path)[0]
                           for np, path in ((3, folder), (1, os.path.join(folder, "merged.safetensors"))))
        of_merged = {tensor["name"]: tensor for tensor in merged["tensors"]}
        self.assertEqual(len(adapter["tensors"]), 4)
        for tensor in adapter["tensors"]:
            for key in ("mean_abs", "max_abs", "relative_norm", "cosine_with_base"):
                self.assertAlmostEqual(tensor[key], of_merged[tensor["name"]][key], delta=1e-5, msg=key)
            self.assertEqual(tensor["elements"], of_merged[tensor["name"]]["elements"])
        # That the adapter leaves tensors as they are is no doubt about it.
        self.assertEqual([w for w in adapter["warnings"] if "lacks" in w], [])

    def test_a_delta_checkpoint_is_measured_by_what_it_has(self):
        base, model = f"{FAMILY}/base", f"{FAMILY}/digit"
        made = run(2, "dare-convert", model, self.path("d.h5"), "--delta", "--base", base, "--drop-rate", "0.9", "--seed", "1")
        self.assertEqual(made.returncode, 0, made.stderr)
        one, three = (self.inspect(np, "--base", base, self.path("d.h5"), "--json") for np in (1, 3))
        self.assertEqual(one, three)
        found = json.loads(one)["checkpoints"][0]
        [whole] = self.report(0, "--base", base, model)
        self.assertEqual((found["verdict"], found["drop_rate"]), ("fit", 0.9))
        self.assertEqual(found["warnings"], ["a delta checkpoint of drop rate 0.9: the figures are those of the elements that it has, the noise is not known"])
        # A random tenth of the elements.
        self.assertAlmostEqual(found["overall"]["elements"] / whole["overall"]["elements"], 0.1, delta=0.005)
        for key, close in (("mean_abs", 0.02), ("relative_norm", 0.05)):
            self.assertAlmostEqual(found["overall"][key] / whole["overall"][key], 1, delta=close)
        self.assertIsNone(found["overall"]["noise"][0]["noise_to_signal"])
        process = run(0, "dare-inspect", "--base", self.path("d.h5"), model)
        self.assert_refused(process, 3, f"{self.path('d.h5')}: a delta checkpoint is no base; give the model that the others were trained from", "dare-inspect")

    def test_the_example_family_is_fit(self):
        reports = self.report(2, "--base", f"{FAMILY}/base", f"{FAMILY}/digit", f"{FAMILY}/turn", f"{FAMILY}/parity")
        self.assertEqual([(r["verdict"], r["drop_rate"], r["warnings"]) for r in reports], [("fit", 0.9, [])] * 3)
        # As its README states them, of the trunk's 559,104 weights.
        self.assertEqual([round(r["overall"]["mean_abs"] * 567296 / 559104, 4) for r in reports], [0.0017, 0.0014, 0.0012])
        self.assertEqual([round(r["overall"]["max_abs"], 3) for r in reports], [0.015, 0.014, 0.019])

    def test_identical_to_the_base(self):
        [report] = self.report(2, "--base", f"{FAMILY}/base", f"{FAMILY}/base")
        self.assertEqual((report["verdict"], report["drop_rate"], report["warnings"]),
                         ("unfit", None, ["identical to the base: there is no delta to merge"]))

    def test_sizes_of_deltas(self):
        expected = {0.001: ("fit", 0.9), 0.004: ("fit", 0.9), 0.008: ("doubtful", 0.5), 0.02: ("doubtful", 0.5), 0.027: ("unfit", None), 0.035: ("unfit", None)}
        for delta, verdict in expected.items():
            with self.subTest(delta=delta):
                [report] = self.report(0, *self.synthetic(delta))
                self.assertEqual((report["verdict"], report["drop_rate"]), verdict, report)
                if delta > 0.025:
                    self.assertRegex(report["warnings"][0], r"^mean \|delta\| is 0\.0\d+, not below 0\.025: continued pre-training rather than fine-tuning; DARE fails around 0\.03 and above$")

    def test_another_base(self):
        generator = random.Random(2)
        words = self.synthetic(0, [generator.gauss(0, 0.05) for _ in range(65536)])
        lines = self.inspect(2, *words).splitlines()
        self.assertRegex(lines[-2], r"^note: probably the wrong base: the cosine of the weight matrices with the base's is -?0\.00\d, below 0\.5; ")
        self.assertEqual(lines[-1], "unfit: do not merge it with DARE from this base")

    def test_another_architecture_and_extra_tensors(self):
        base = read_safetensors(os.path.join(FAMILY, "base", "model.safetensors"))
        model = dict(base, extra=("BF16", [2], bytes(4)))
        del model["norm.weight"]
        dtype, shape, data = model["heads.digit.weight"]
        model["heads.digit.weight"] = (dtype, [shape[1], shape[0]], data)
        write_safetensors(self.path("m.safetensors"), model)
        [report] = self.report(2, "--base", f"{FAMILY}/base", self.path("m.safetensors"))
        self.assertEqual(report["verdict"], "unfit")
        self.assertEqual(report["warnings"], [
            '1 tensor of another shape, first "heads.digit.weight": [512, 10], the base\'s [10, 512]; not of one architecture',
            'the model lacks tensors of the base: 1 tensor, first "norm.weight"',
            'the model has tensors that the base lacks: 1 tensor, first "extra"',
            "identical to the base: there is no delta to merge",
        ])

    def test_values_whose_squares_exceed_a_double(self):
        for name, values in (("base", [1e200, 1, 2, 3]), ("model", [1e250, 1e250, 1e250, 3])):
            write_safetensors(self.path(f"{name}.safetensors"), {"w": ("F64", [2, 2], struct.pack("<4d", *values))})
        words = ["--base", self.path("base.safetensors"), self.path("model.safetensors")]
        [report] = self.report(2, *words)
        overall = report["overall"]
        self.assertEqual((overall["relative_norm"], overall["cosine_with_base"], [n["noise_to_signal"] for n in overall["noise"]]),
                         (None, None, [None] * len(overall["noise"])))
        self.assertTrue(all(decile is not None and decile < 3.5e38 for decile in overall["deciles_abs"]))
        self.assertIn("squares of values exceed a float64: what is told of norms, cosine and noise lacks them", report["warnings"])
        self.assertNotIn("nan", self.inspect(0, *words))

    def test_inputs_that_change_while_they_are_read(self):
        words = self.synthetic(0.001)
        self.assert_change_is_told("pread:4:STOP:0", self.path("base.safetensors"), "dare-inspect", *words)
        self.assert_change_is_told("pread:3:STOP:0", self.path("model.safetensors"), "dare-inspect", self.path("model.safetensors"))
        shards = self.path("shards")
        os.mkdir(shards)
        write_safetensors(os.path.join(shards, "a.safetensors"), {"w": ("F32", [2], bytes(8))})
        with open(os.path.join(shards, "model.safetensors.index.json"), "w") as file:
            json.dump({"weight_map": {"w": "a.safetensors"}}, file)
        self.assert_change_is_told("pread:2:STOP:0", os.path.join(shards, "model.safetensors.index.json"), "dare-inspect", shards)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_a_result_that_cannot_be_written_is_a_failure(self):
        words = self.synthetic(0.001)
        for np in (0, 3):
            with self.subTest(np=np):
                process = run_to_full(np, "dare-inspect", *words)
                self.assertEqual(own_words(process, "dare-inspect"), ["dare-inspect: the result could not be written to standard output (No space left on device)"])
                self.assertEqual(process.returncode, 1)

    def test_what_is_refused(self):
        self.assert_refused(run(2, "dare-inspect"), 2, "no CKPT is given; see dare-inspect --help", "dare-inspect")
        self.assert_refused(run(2, "dare-inspect", "x", "--dtype", "F32"), 2, "--drop-rate and --dtype go with --base", "dare-inspect")
        self.assert_refused(run(2, "dare-inspect", "x", "--base", "y", "--drop-rate", "1"), 2, "--drop-rate 1: give a rate from 0 to below 1", "dare-inspect")
        self.assert_refused(run(2, "dare-inspect", self.path("no")), 3, f"{self.path('no')}: no such file or folder", "dare-inspect")


if __name__ == "__main__":
    unittest.main()
