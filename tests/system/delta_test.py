"""A delta checkpoint merges to the bytes of the model it was made from, and is as small as what DARE keeps."""

import json
import math
import os
import shutil
import struct
import unittest

from dare_system import SystemTest, contents, own_words, random_model, read_safetensors, run, weights, with_fault, write_safetensors

BIG = "model.layers.0.up.weight"


class Delta(SystemTest):
    # Runs of 65,536 and less, whole and cut blocks, an integer, nothing at all.
    shapes = {"model.embed.weight": [300, 32], BIG: [1100, 2048], "model.norm.weight": [32], "flat": [65536 * 2 + 1], "empty": [0, 4], "scalar": []}

    def setUp(self):
        super().setUp()
        self.make_family()

    def delta(self, np, model, output, *words, rate="0.9", code=0):
        process = run(np, "dare-convert", model, self.path(output), "--delta", "--base", self.path("base.safetensors"), "--drop-rate", rate, *words)
        self.assertEqual(process.returncode, code, process.stderr)
        return process

    def both(self, rate="0.9", seed="7"):
        for number in (0, 1):
            self.delta(2, self.path(f"m{number}.safetensors"), f"d{number}.h5", "--seed", seed, "--stream", str(number), rate=rate)

    def merged(self, np, output, models, *words, code=0):
        given = [word for model in models for word in ("--model", self.path(model))]
        process = run(np, "dare-merge", "--base", self.path("base.safetensors"), *given, *([] if "--seed" in words else ["--seed", "7"]), *words,
                      self.path(output))
        self.assertEqual(process.returncode, code, process.stderr)
        return contents(self.path(output)) if code == 0 else process

    def test_merges_have_the_bytes_of_merges_of_the_models(self):
        self.both()
        cases = [["--drop-rate", "0.9"], ["--drop-rate", "0.9", "--method", "dare_ties", "--lambda", "0.6"], ["--drop-rate", "0.95"], ["--density", "0.1"],
                 ["--drop-rate", "0.9", "--rescale", "none", "--dtype", "F32"], ["--drop-rate", "0.9", "--method", "dare_average", "--weight", "0.3", "--weight", "2"]]
        for number, words in enumerate(cases):
            with self.subTest(words=words):
                expected = self.merged(2, f"x{number}.safetensors", ["m0.safetensors", "m1.safetensors"], *words)
                found = self.merged(1 + number % 3, f"y{number}.safetensors", ["d0.h5", "d1.h5"], *words)
                self.assertEqual(found == expected, True)
                mixed = self.merged(2, f"z{number}.safetensors", ["m0.safetensors", "d1.h5"], *words)
                self.assertEqual(mixed == expected, True)

    def test_plan_and_summary_count_what_is_read(self):
        """Of a delta the elements that it has, not those of the model that it stands for."""
        size = {name: os.path.getsize(self.path(name)) for name in ("base.safetensors", "m0.safetensors")}
        self.delta(0, self.path("m0.safetensors"), "d0.safetensors", "--seed", "7")
        size["d0.safetensors"] = os.path.getsize(self.path("d0.safetensors"))
        read = {}
        for model in ("m0.safetensors", "d0.safetensors"):
            words = ["--base", self.path("base.safetensors"), "--model", self.path(model), "--drop-rate", "0.9", "--seed", "7", self.path("out.h5"), "--json"]
            plan = run(0, "dare-merge", *words, "--plan")
            self.assertEqual(plan.returncode, 0, plan.stderr)
            done = run(2, "dare-merge", *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            read[model] = json.loads(plan.stdout)["bytes_read"]
            self.assertEqual(json.loads(done.stdout)["bytes_read"], read[model])
            self.assertLess(abs(read[model] - size["base.safetensors"] - size[model]), 8192)  # headers
            os.remove(self.path("out.h5"))
            os.remove(self.path("out.h5.manifest.json"))
        self.assertLess(read["d0.safetensors"], 0.56 * read["m0.safetensors"])

    def test_other_rates_and_formats(self):
        for number, (rate, output) in enumerate([("0", "d.safetensors"), ("0.5", "d"), ("1", "d.h5"), ("0.123456789", "e.h5")]):
            with self.subTest(rate=rate):
                self.delta(3, self.path("m0.safetensors"), output, "--seed", "7", rate=rate)
                expected = self.merged(0, f"x{number}.h5", ["m0.safetensors"], "--drop-rate", rate)
                self.assertEqual(self.merged(2, f"y{number}.h5", [output], "--drop-rate", rate) == expected, True)

    def test_equal_bytes_at_any_number_of_ranks_and_from_any_format(self):
        shutil.copy(self.path("m0.safetensors"), self.path("again.safetensors"))
        self.assertEqual(run(2, "dare-convert", self.path("m0.safetensors"), self.path("m0.h5")).returncode, 0)
        found = []
        for np in (0, 1, 2, 3, 5):
            self.delta(np, self.path("m0.safetensors"), f"d{np}.h5")
            found.append(contents(self.path(f"d{np}.h5"))[""])
        self.assertEqual(len(set(found)), 1)
        self.delta(2, self.path("m0.h5"), "from.safetensors")
        self.delta(3, self.path("m0.safetensors"), "direct.safetensors")
        one, two = (read_safetensors(self.path(name)) for name in ("from.safetensors", "direct.safetensors"))
        self.assertEqual(one == two, True)

    def test_sizes(self):
        elements = 300 * 32 + 1100 * 2048 + 32 + 65536 * 2 + 1 + 1
        for rate in (0.5, 0.9, 0.99):
            self.delta(2, self.path("m0.safetensors"), f"d{rate}.safetensors", rate=str(rate))
            stored = read_safetensors(self.path(f"d{rate}.safetensors"))
            kept = sum(shape[0] for dtype, shape, _ in stored.values() if dtype == "BF16")
            deviation = (elements * rate * (1 - rate))**0.5
            self.assertLess(abs(kept - elements * (1 - rate)), 5 * deviation)
            self.assertLess(os.path.getsize(self.path(f"d{rate}.safetensors")), 2 * kept + 4000)

    def test_what_is_stored_is_what_is_kept(self):
        self.delta(2, self.path("m0.safetensors"), "d.safetensors", "--seed", "7", rate="0.5")
        stored = read_safetensors(self.path("d.safetensors"))
        model = read_safetensors(self.path("m0.safetensors"))
        zero = {name: (dtype, shape, bytes(len(data))) for name, (dtype, shape, data) in model.items()}
        write_safetensors(self.path("base.safetensors"), zero)
        # Over a base of zeros what is not 0 after a merge without rescale is what was kept.
        self.merged(0, "out.safetensors", ["m0.safetensors"], "--drop-rate", "0.5", "--rescale", "none")
        for name, (_, _, data) in read_safetensors(self.path("out.safetensors")).items():
            left = b"".join(data[i:i + 2] for i in range(0, len(data), 2) if data[i:i + 2] != b"\0\0")
            self.assertEqual(stored[name][2] == left, True, name)

    def test_mixed_types_and_integers(self):
        base = random_model(self.shapes, "base")
        model = random_model(self.shapes, "tuned", "F32")
        for tensors in (base, model):
            tensors["ids"] = ("I64", [7], weights("I64", 7, "ids"))
        model["extra"] = ("F32", [2], bytes(8))
        write_safetensors(self.path("base.safetensors"), base)
        write_safetensors(self.path("m0.safetensors"), model)
        process = self.delta(2, self.path("m0.safetensors"), "d.h5", "--seed", "7")
        self.assertEqual(own_words(process, "dare-convert"),
                         [f'dare-convert: {self.path("m0.safetensors")}: left out, since the base lacks them: 1 tensor, first "extra"'])
        expected = self.merged(2, "x.safetensors", ["m0.safetensors"], "--drop-rate", "0.9")
        self.assertEqual(self.merged(3, "y.safetensors", ["d.h5"], "--drop-rate", "0.9") == expected, True)

    def test_an_explanation_tells_what_was_left_out(self):
        self.delta(0, self.path("m0.safetensors"), "d.safetensors", "--seed", "7", rate="0.5")

        def explained(model, element, *more):
            process = run(0, "dare-merge", "--base", self.path("base.safetensors"), "--model", self.path(model), "--seed", "7", "--drop-rate", "0.7",
                          "--explain", f"model.norm.weight[{element}]", *more)
            self.assertEqual(process.returncode, 0, process.stderr)
            return process.stdout

        seen = set()
        for element in (3, 5, 27):
            of_delta, of_model = (json.loads(explained(name, element, "--json"))["models"][0] for name in ("d.safetensors", "m0.safetensors"))
            there = of_delta["stored"] is not None
            seen.add((there, of_delta["kept"]))
            for key in ("stored", "F", "delta"):
                self.assertEqual(of_delta[key], of_model[key] if there else None)
            self.assertEqual(of_delta["kept"], of_model["kept"])
            if not there:
                self.assertRegex(explained("d.safetensors", element), r"d\.safetensors  left out  -  -  +0\.7  .*dropped")
        # Of what the file has a merge at a higher rate drops some; it keeps nothing that is not there.
        self.assertEqual(seen, {(True, True), (True, False), (False, False)})

    def test_verified_against_its_inputs(self):
        self.both()
        self.merged(2, "out.safetensors", ["d0.h5", "d1.h5"], "--drop-rate", "0.9")
        process = run(3, "dare-verify", self.path("out.safetensors"), "--against", "--all")
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)

    def test_sweeps_take_them_and_refuse_points_that_need_more(self):
        self.both()
        with open(self.path("sweep.yml"), "w") as file:
            file.write("merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{model: d0.h5}, {model: d1.h5}]\nseed: 7\n"
                       "format: safetensors\npoints: {low: {drop_rate: 0.8}, same: {drop_rate: 0.9}, high: {drop_rate: 0.95}}\n")
        process = run(2, "dare-sweep", self.path("sweep.yml"), self.path("swept"))
        keeps = "the recipe's drop rate 0.8 for tensor \"model.embed.weight\" keeps more; give 0.9 or a higher one"
        self.assertEqual(own_words(process, "dare-sweep"), [
            *(f"dare-sweep: point low: d{n}.h5: a delta checkpoint of drop rate 0.9, seed 7, stream {n}: {keeps}" for n in (0, 1))])
        self.assertEqual(process.returncode, 2)
        for point, rate in (("same", "0.9"), ("high", "0.95")):
            expected = self.merged(2, f"{point}.safetensors", ["m0.safetensors", "m1.safetensors"], "--drop-rate", rate)
            self.assertEqual(contents(self.path("swept", f"{point}.safetensors")) == expected, True, point)
        self.assertFalse(os.path.exists(self.path("swept", "low.safetensors")))

    def test_mergelm_has_other_masks(self):
        for name in ("base", "m0"):
            write_safetensors(self.path(f"{name}.safetensors"), random_model(self.shapes, name, "F32"))
        self.delta(0, self.path("m0.safetensors"), "d0.h5", "--seed", "7")
        self.assert_refused(self.merged(0, "out.h5", ["d0.h5"], "--drop-rate", "0.9", "--compat", "mergelm", code=2), 2,
                            f"{self.path('d0.h5')}: a delta checkpoint of drop rate 0.9, seed 7, stream 0: compat: mergelm draws other masks than its own; "
                            "leave compat out, or give the model that it was made from")

    def test_merges_that_need_what_was_dropped_are_refused(self):
        self.both()
        what = f"{self.path('d0.h5')}: a delta checkpoint of drop rate 0.9, seed 7, stream 0"
        refused = {
            ("--drop-rate", "0.8"): f'{what}: the recipe\'s drop rate 0.8 for tensor "model.embed.weight" keeps more; give 0.9 or a higher one',
            ("--drop-rate", "0.9", "--stream", "3"): f"{what}: the recipe's seed 7 and stream 3 keep other elements; give the same seed, and the model the same stream",
            ("--drop-rate", "0.9", "--rescale", "l1"): f"{what}: the method looks at deltas that it has dropped; merge it by dare_linear, dare_ties or another method of DARE without l1",
            ("--drop-rate", "0.9", "--compat", "mergekit"): f"{what}: compat: mergekit rescales to the l1 norm of the whole delta, which is not in it; leave compat out, or give rescale: expected or none",
            ("--method", "task_arithmetic"): f"{what}: the method looks at deltas that it has dropped; merge it by dare_linear, dare_ties or another method of DARE without l1",
            ("--method", "ties", "--density", "0.2"): f"{what}: the method looks at deltas that it has dropped; merge it by dare_linear, dare_ties or another method of DARE without l1",
        }
        for words, message in refused.items():
            with self.subTest(words=words):
                self.assert_refused(self.merged(2, "out.h5", ["d0.h5"], *words, code=2), 2, message)
        process = run(2, "dare-merge", "--base", self.path("d0.h5"), "--model", self.path("m1.safetensors"), "--drop-rate", "0.9", self.path("out.h5"))
        self.assert_refused(process, 3, f"{self.path('d0.h5')}: a delta checkpoint; it can only stand as a model, beside its base")

    def test_damaged_delta_checkpoints_are_refused(self):
        self.delta(0, self.path("m0.safetensors"), "d.safetensors", "--seed", "7")
        good = read_safetensors(self.path("d.safetensors"))
        with open(self.path("d.safetensors"), "rb") as file:
            text = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]["dare_delta"]
        where = self.path("d.safetensors")

        def damaged(message, change_text=None, change_tensors=None, code=3):
            words, tensors = json.loads(text), dict(good)
            if change_text: change_text(words)
            if change_tensors: change_tensors(tensors)
            write_safetensors(where, tensors, {"dare_delta": json.dumps(words)})
            process = self.merged(2, "out.safetensors", ["d.safetensors"], "--drop-rate", "0.9", code=code)
            self.assert_refused(process, code, f"{where}: {message}")

        again = "; make the delta checkpoint again"
        damaged(f"drop_rate 1.5 is outside [0, 1]{again}", lambda t: t.update(drop_rate=1.5))
        damaged(f"6 tensors are described, 5 are there beside dare_delta.kept_before{again}", None, lambda t: t.pop("scalar"))
        damaged('a delta checkpoint of format version 2 and stream version 1, this program reads 1 and 1; use a newer one', lambda t: t.update(format_version=2))
        damaged(f'tensor "model.norm.weight" stands where "x" is described{again}', lambda t: t["tensors"][2].update(name="x"))
        damaged(f'tensor "dare_delta.kept_before" is U64 [40], expected "dare_delta.kept_before" of U64 [41]{again}', None,
                lambda t: t.update({"dare_delta.kept_before": ("U64", [40], bytes(320))}))
        kept = good[BIG][1][0]
        damaged(f'tensor "{BIG}": F16 [{kept}] cannot be what is kept of [3]{again}'.replace("F16", "BF16"), lambda t: t["tensors"][1].update(shape=[3]))

    def test_a_mask_that_keeps_other_elements_is_refused_at_any_number_of_ranks(self):
        self.delta(0, self.path("m0.safetensors"), "d.safetensors", "--seed", "7")
        good = read_safetensors(self.path("d.safetensors"))
        with open(self.path("d.safetensors"), "rb") as file:
            text = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]["dare_delta"]
        where = self.path("d.safetensors")
        runs = 35  # of BIG, whose entries in the counts are the second to the 36th

        def counts_changed(*changes):
            counts = list(struct.unpack("<41Q", good["dare_delta.kept_before"][2]))
            for entry, by in changes:
                counts[1 + entry] += by
            return {**good, "dare_delta.kept_before": ("U64", [41], struct.pack("<41Q", *counts))}

        def one_more():
            dtype, (kept,), data = good[BIG]
            return {**good, BIG: (dtype, [kept + 1], data + bytes(2))}

        keeps = r"seed 7, stream 0 and drop rate 0\.9 keep \d+ of elements \[%s, %s\), the file has \d+; it is damaged, make it again"
        no_order = r"dare_delta\.kept_before do not ascend from 0 to the \d+ elements that it has; it is damaged, make it again"
        elements = 1100 * 2048
        cases = {
            "one run": ({}, counts_changed((2, 1)), f'tensor "{BIG}": ' + keeps % (65536, 131072)),
            "all runs from one on": ({}, counts_changed(*((run, -1) for run in range(32, runs))), f'tensor "{BIG}": ' + keeps % (31 * 65536, 32 * 65536)),
            "the first run": ({}, counts_changed(*((run, 1) for run in range(runs))), f'tensor "{BIG}": {no_order}'),
            "beyond the end": ({}, counts_changed((runs - 1, 1 << 40)), f'tensor "{BIG}": {no_order}'),
            "no order": ({}, counts_changed((4, 1 << 17)), f'tensor "{BIG}": {no_order}'),
            "one element more": ({}, one_more(), f'tensor "{BIG}": ' + keeps % ((runs - 1) * 65536, elements)),
            "a rate": ({"drop_rate": 0.89}, good, r'tensor "model\.embed\.weight": seed 7, stream 0 and drop rate 0\.89 keep \d+ of elements \[0, 9600\), '),
            "a seed": ({"seed": 8}, good, r'tensor "model\.embed\.weight": seed 8, stream 0 and drop rate 0\.9 keep \d+ of elements \[0, 9600\), '),
        }
        for name, (words, tensors, message) in cases.items():
            write_safetensors(where, tensors, {"dare_delta": json.dumps({**json.loads(text), **words})})
            given = ["--seed", str(words.get("seed", 7))]
            for np in (0, 2, 3):
                with self.subTest(name=name, np=np):
                    process = self.merged(np, "out.safetensors", ["d.safetensors"], "--drop-rate", "0.9", *given, code=3)
                    self.assertRegex(own_words(process, "dare-merge")[0], f"^dare-merge: {where}: {message}")
                    self.assertFalse(os.path.exists(self.path("out.safetensors")))

    def test_an_interrupted_conversion_begins_again(self):
        words = ["dare-convert", self.path("m0.safetensors"), self.path("d.safetensors"), "--delta", "--base", self.path("base.safetensors"), "--drop-rate", "0.9"]
        process = run(2, *words, **with_fault("pwrite:6:USR1:0", ".partial"))
        self.assert_refused(process, 75, "stopped by signal 10 (SIGUSR1); nothing is kept, the same command begins again", "dare-convert")
        self.assertEqual((self.hidden(), os.path.exists(self.path("d.safetensors"))), ([], False))
        again = run(2, *words, "--resume", "--json")  # as a requeued job does
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(json.loads(again.stdout)["bytes_written"], os.path.getsize(self.path("d.safetensors")))
        self.delta(0, self.path("m0.safetensors"), "whole.safetensors")
        self.assertEqual(contents(self.path("whole.safetensors"))[""] == contents(self.path("d.safetensors"))[""], True)

    def test_a_base_that_shares_nothing_and_elements_that_are_no_numbers(self):
        write_safetensors(self.path("foreign.safetensors"), {"other": ("F32", [2], bytes(8))})
        words = ["dare-convert", self.path("m0.safetensors"), self.path("d.h5"), "--delta", "--drop-rate", "0.9", "--base"]
        self.assert_refused(run(2, *words, self.path("foreign.safetensors")), 3, f"{self.path('m0.safetensors')}: no tensor of the base "
                            f"{self.path('foreign.safetensors')} is in it: another architecture or another base", "dare-convert")
        for name, values in (("base", (1, 2, 3)), ("m0", (1, 2, math.inf))):
            write_safetensors(self.path(f"{name}.safetensors"), {"w": ("F32", [3], struct.pack("<3f", *values))})
        self.assert_refused(run(3, *words, self.path("base.safetensors")), 3, f'{self.path("m0.safetensors")}: tensor "w": element 2 is infinite or NaN; '
                            "the file is damaged or its training diverged; a merge of the model itself takes it with nonfinite: keep", "dare-convert")
        self.assertEqual((self.hidden(), os.path.exists(self.path("d.h5"))), ([], False))

    def test_usage(self):
        model = self.path("m0.safetensors")
        self.assert_refused(run(2, "dare-convert", model, self.path("d.h5"), "--delta"), 2, "--delta needs --base and --drop-rate", "dare-convert")
        for option, value in (("--writers", "node"), ("--memory-per-rank", "1GiB"), ("--shard-size", "1GB")):
            process = run(0, "dare-convert", model, self.path("d.h5"), "--delta", option, value)
            self.assert_refused(process, 2, f"{option} has no effect with --delta; leave it out", "dare-convert")
        self.assert_refused(run(2, "dare-convert", model, self.path("d.h5"), "--seed", "1"), 2, "--seed goes with --delta", "dare-convert")
        process = self.delta(2, model, "d.h5", rate="1.1", code=2)
        self.assert_refused(process, 2, "--drop-rate 1.1: give a number from 0 to 1", "dare-convert")
        self.delta(2, model, "d.h5")
        process = self.delta(2, model, "d.h5", code=3)
        self.assert_refused(process, 3, f"{self.path('d.h5')}: exists; name another output, or give --overwrite", "dare-convert")
        self.delta(2, model, "d.h5", "--overwrite", "--progress", "off")
        process = run(0, "dare-convert", self.path("d.h5"), self.path("dd.h5"), "--delta", "--base", self.path("base.safetensors"), "--drop-rate", "0.9")
        self.assert_refused(process, 3, f"{self.path('d.h5')}: a delta checkpoint; give the model that it was made from", "dare-convert")
        self.assertEqual(self.hidden(), [])


if __name__ == "__main__":
    unittest.main()
