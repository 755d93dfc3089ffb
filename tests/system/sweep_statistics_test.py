"""outputs: statistics."""

import csv
import json
import math
import os
import struct
import unittest

from dare_sweep import SweepTest, made, outcomes, rows
from dare_system import contents, own_words, read_safetensors, run, with_fault, write_safetensors


class Statistics(SweepTest):
    # More than one block of the sums, and less; bfloat16 is merged in float32, so a merge to float32 shows results before rounding.
    shapes = {"large": [300, 700], "small": [5, 7], "empty": [0, 4]}
    text = SweepTest.recipe + """outputs: statistics
grid: {drop_rate: [0, 0.5, 0.9], rescale: [expected, none]}
points: {ties: {merge_method: dare_ties, drop_rate: [0.5, 0.25], lambda: 0.5}}
"""
    names = [f"drop_rate={rate},rescale={rescale}" for rate in (0, 0.5, 0.9) for rescale in ("expected", "none")] + ["ties"]

    def setUp(self):
        super().setUp()
        self.make_family()

    def values(self, recipe, *options):
        """The values of a merge by tensor, as float32."""
        process = run(0, "dare-merge", self.write("one.yml", recipe), self.path("one.safetensors"), "--overwrite", *options)
        self.assertEqual(process.returncode, 0, process.stderr)
        return self.read("one.safetensors")

    def read(self, name):
        def decoded(dtype, data):
            return struct.unpack(f"<{len(data) // 4}f", data) if dtype == "F32" else [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]
        return {tensor: decoded(dtype, data) for tensor, (dtype, _, data) in read_safetensors(self.path(name)).items()}

    def expected(self, method, rates, rescale, rest=""):
        """By tensor, from merges alone: which elements a merge of one model without rescale moves are those that are kept."""
        base, models = self.read("base.safetensors"), [self.read(f"m{k}.safetensors") for k in (0, 1)]
        one = "merge_method: {}\nbase_model: base.safetensors\nseed: 7\nmodels:\n{}parameters: {{rescale: {}{}}}\n"
        entry = "  - {{model: m{0}.safetensors, stream: {0}, parameters: {{weight: {1}, drop_rate: {2}}}}}\n"
        both = [entry.format(k, weight, rate) for k, weight, rate in zip((0, 1), (0.5, 0.25), rates)]
        alone = [self.values(one.format("dare_linear", entry.format(k, 1, rates[k]), "none", ""), "--dtype", "F32") for k in (0, 1)]
        merged = self.values(one.format(method, "".join(both), rescale, rest), "--dtype", "F32")
        rounded = self.values(one.format(method, "".join(both), rescale, rest))
        whole = self.values(one.format(method, "".join(entry.format(k, weight, 0) for k, weight in zip((0, 1), (0.5, 0.25))), "none", rest), "--dtype", "F32")
        found = {}
        for tensor, b in base.items():
            g = [1 / (1 - rate) if rescale == "expected" else 1 for rate in rates]
            kept = conflicts = lost = 0
            norm = error = dot = mm = uu = 0.0
            for i in range(len(b)):
                signs = set()
                for k in (0, 1):
                    delta = models[k][tensor][i] - b[i]
                    keeps = alone[k][tensor][i] != b[i] or delta == 0 and rates[k] == 0
                    kept += keeps
                    norm += delta ** 2
                    error += ((g[k] * delta if keeps else 0) - delta) ** 2
                    if keeps and delta:
                        signs.add(delta > 0)
                conflicts += len(signs) == 2
                m, u = merged[tensor][i] - b[i], whole[tensor][i] - b[i]
                dot, mm, uu = dot + m * u, mm + m * m, uu + u * u
                lost += m != 0 and rounded[tensor][i] == b[i]
            if b:
                found[tensor] = {"elements_merged": len(b), "kept_share": kept / (2 * len(b)), "relative_error": math.sqrt(error / norm),
                                 "cosine": dot / math.sqrt(mm * uu), "sign_conflicts": conflicts, "elements_lost": lost}
        return found

    def tensors(self, output, point):
        with open(self.path(output, "points", point + ".tensors.csv"), newline="") as file:
            return {row["tensor"]: row for row in csv.DictReader(file)}

    def test_statistics_are_those_of_a_plain_computation(self):
        summary = self.swept(2, self.text)
        self.assertEqual((summary["passes"], summary["bytes_written"], summary["done"]), (1, 0, 7))
        for point, arguments in (("drop_rate=0.5,rescale=expected", ("dare_linear", (0.5, 0.5), "expected")),
                                 ("drop_rate=0.9,rescale=none", ("dare_linear", (0.9, 0.9), "none")),
                                 ("drop_rate=0,rescale=none", ("dare_linear", (0, 0), "none")),
                                 ("ties", ("dare_ties", (0.5, 0.25), "expected", ", lambda: 0.5"))):
            expected = self.expected(*arguments)
            found = self.tensors("swept", point)
            self.assertEqual(list(found), list(expected))
            for tensor, values in expected.items():
                for key, value in values.items():
                    # A delta of exactly 0 cannot be told kept from dropped in a merge: some of 210,000 elements.
                    self.assertAlmostEqual(float(found[tensor][key]), value, delta=2e-3 if key == "kept_share" else 1e-5 * abs(value) + 1e-12,
                                           msg=f"{point} {tensor} {key}")
        table = rows(self.path("swept"))
        self.assertEqual(list(table), self.names)
        self.assertAlmostEqual(float(table["drop_rate=0.9,rescale=expected"]["kept_share"]), 0.1, delta=0.002)
        self.assertAlmostEqual(float(table["drop_rate=0.9,rescale=expected"]["relative_error"]), 3, delta=0.03)  # sqrt(p / (1 - p))
        self.assertAlmostEqual(float(table["drop_rate=0.9,rescale=none"]["relative_error"]), math.sqrt(0.9), delta=0.003)
        self.assertEqual(sorted(os.listdir(self.path("swept"))), ["points", "results.csv", "results.json"])

    def test_they_do_not_depend_on_ranks_or_groups(self):
        self.shapes = {**self.shapes, "blocks": [1100, 2048]}  # of the grid: ranks share it
        self.make_family()
        self.swept(0, self.text, output="one")
        one = made(self.path("one"))
        for np, more in ((2, []), (3, []), (3, ["--groups", "2"]), (2, ["--memory-per-rank", "4MiB"])):
            with self.subTest(np=np, more=more):
                output = f"swept{np}{''.join(more)}"
                self.swept(np, self.text, *more, output=output)
                self.assert_same(made(self.path(output)), one, output)
        again = self.swept(2, self.text, output="one")
        self.assertEqual((again["done_before"], again["done"], again["bytes_read"]), (7, 0, 0))

    def test_points_that_are_equal_by_definition_are_measured_once(self):
        single = self.recipe + "outputs: statistics\ngrid: {drop_rate: [0, 0.5], seed: [SEEDS]}\n"
        text = single.replace("SEEDS", "1, 2, 3")
        plan = json.loads(self.sweep(0, text, "--plan", "--json").stdout)
        self.assertEqual((plan["to_do"], plan["passes"], plan["equal"]), (6, [4], 2))
        summary = self.swept(2, text)
        self.assertEqual((summary["done"], summary["failed"]), (6, 0))
        # A time is that of the point which was measured, so that they add up to the pass's.
        self.assertEqual([name for name, row in rows(self.path("swept")).items() if not row["compute_seconds"]], ["drop_rate=0,seed=2", "drop_rate=0,seed=3"])
        for seed in (1, 2, 3):  # as if they were alone
            self.swept(0, single.replace("SEEDS", str(seed)), output=f"alone{seed}")
            for name, row in outcomes(self.path(f"alone{seed}")).items():
                self.assertEqual(outcomes(self.path("swept"))[name], row)
                self.assertEqual(contents(self.path("swept", "points", name + ".tensors.csv")), contents(self.path(f"alone{seed}", "points", name + ".tensors.csv")))
        # What an earlier run has measured is not measured again.
        again = self.swept(2, text, output="alone1")
        self.assertEqual((again["done_before"], again["done"], again["passes"]), (2, 4, 1))
        self.assertEqual(outcomes(self.path("alone1")), outcomes(self.path("swept")))
        self.assertEqual(self.swept(2, text, output="alone1")["done_before"], 6)

    def test_methods_without_statistics_are_refused_by_name(self):
        for k in (0, 1):
            write_safetensors(self.path(f"f{k}.safetensors"), {name: ("F32", shape, struct.pack("<f", 1) * (shape[0] * shape[1])) for name, shape in self.shapes.items()})
        text = self.recipe.replace("parameters:", "fisher: f0.safetensors, parameters:", 1).replace("25}}", "25}, fisher: f1.safetensors}")
        process = self.sweep(2, text + "outputs: statistics\npoints: {p: {merge_method: dare_fisher, drop_rate: 0.5}}\n")
        self.assertEqual(process.returncode, 2, process.stderr)
        self.assertEqual(own_words(process, "dare-sweep"), [
            'dare-sweep: point p: tensor "large": outputs: statistics is not there for methods with auxiliary checkpoints (fisher, regmean) or '
            "weights by filter (model_stock with filter_wise); use outputs: model"])

    def test_a_delta_checkpoint_does_not_tell_what_was_dropped(self):
        self.make_family()
        for rate in ("0.5", "0"):
            process = run(0, "dare-convert", self.path("m0.safetensors"), self.path(f"d{rate}.safetensors"), "--delta", "--base",
                          self.path("base.safetensors"), "--drop-rate", rate)
            self.assertEqual(process.returncode, 0, process.stderr)
        text = (f"merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{{model: dRATE.safetensors}}]\noutputs: statistics\n"
                "grid: {drop_rate: [0.9]}\n")
        process = self.sweep(0, text.replace("RATE", "0.5"))
        self.assertEqual((process.returncode, own_words(process, "dare-sweep")), (2, [
            "dare-sweep: point drop_rate=0.9: d0.5.safetensors: a delta checkpoint holds what DARE kept of its model, and outputs: "
            "statistics measures what is lost of the whole; give the model itself, or use outputs: model"]))
        self.assertEqual(self.swept(0, text.replace("RATE", "0"), output="whole")["done"], 1)

    def test_the_files_of_a_pass_are_forced_to_the_disk_together(self):
        text = self.recipe + "outputs: statistics\ngrid: {drop_rate: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]}\n"
        # Of each point a record and the statistics by tensor, with one sync of their folder; the results once, with one of theirs.
        syncs = 8 * 2 + 1 + 2 + 1
        self.swept(0, text, output="within", **with_fault(f"fsync:{syncs + 1}:EIO"))
        self.assertEqual(self.sweep(0, text, output="beyond", **with_fault(f"fsync:{syncs}:EIO")).returncode, 1)

    def test_a_point_fails_alone(self):
        text = self.recipe + "outputs: statistics\npoints: {good: {drop_rate: 0.5}, large: {drop_rate: 0.5, lambda: 1e38, weight: 1e4}}\n"
        process = self.sweep(3, text)
        self.assertEqual(process.returncode, 3, process.stderr)
        merged = run(0, "dare-merge", self.write("large.yml", self.recipe + "compat: none\nparameters: {lambda: 1e38}\n"), self.path("no"), "--weight", "1e4", "--drop-rate", "0.5")
        self.assertEqual(own_words(process, "dare-sweep"), [own_words(merged, "dare-merge")[0].replace("dare-merge: ", "dare-sweep: point large: ")])
        self.assertEqual({name: row["status"] for name, row in rows(self.path("swept")).items()}, {"good": "done", "large": "failed"})


if __name__ == "__main__":
    unittest.main()
