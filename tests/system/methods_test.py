"""Every method of the table, end to end: the same bytes at any number of ranks, plans with its passes, resumable."""

import json
import math
import os
import struct
import unittest

from dare_system import SystemTest, contents, random_model, read_safetensors, run, with_fault, write_safetensors

ROW = 96  # no divisor of a block: rows lie across blocks and tiles
SHAPES = {"model.embed.weight": [50, ROW], "model.layers.0.up.weight": [23000, ROW], "model.layers.1.up.weight": [40, ROW], "model.norm.weight": [ROW]}

# What a method needs beside the defaults: parameters, and how many models it takes where that is not two.
NEEDS = {"slerp": ({"t": 0.3}, 1), "nearswap": ({"t": 0.02}, 1)}
# Passes over 16-bit models and over float32 ones; of all others one.
PASSES = {**dict.fromkeys(("ties", "magnitude_prune", "breadcrumbs", "breadcrumbs_ties"), (3, 5)),
          **dict.fromkeys(("slerp", "model_stock", "sce", "karcher"), (2, 2))}
DRAWN = ("dare", "della")
BY_SIZE = ("ties", "magnitude", "breadcrumbs")


def methods():
    """Names from the program's own table."""
    text = run(0, "dare-merge", "--help").stdout
    return [line.split()[0] for line in text.split("\nMethods:\n", 1)[1].split("\n\n", 1)[0].splitlines() if line[2] != " "]


def sparsifies(method):
    return method.startswith(DRAWN + BY_SIZE)


class Methods(SystemTest):
    shapes = SHAPES

    def setUp(self):
        super().setUp()
        self.make_family()

    def make_auxiliaries(self):
        """Fisher weights and Gram matrices that are positive and unlike each other."""
        for k in range(2):
            fisher = {name: ("F32", shape, struct.pack("<7f", *((i * (k + 2)) % 7 + 0.5 for i in range(7))) * (math.prod(shape) // 7 + 1))
                      for name, shape in self.shapes.items()}
            write_safetensors(self.path(f"fisher{k}.safetensors"),
                              {name: (dtype, shape, data[: 4 * math.prod(shape)]) for name, (dtype, shape, data) in fisher.items()})
            gram = [[(3.0 + (i + k) % 5 if i == j else 1 / (1 + abs(i - j) + k)) for j in range(ROW)] for i in range(ROW)]
            data = b"".join(struct.pack(f"<{ROW}d", *row) for row in gram)
            write_safetensors(self.path(f"gram{k}.safetensors"), {name: ("F64", [ROW, ROW], data) for name, shape in self.shapes.items() if len(shape) == 2})

    def recipe(self, name, method, parameters=None, models=None, **top):
        """Writes NAME.yml (JSON is YAML); models: parameters of each."""
        more, number = NEEDS.get(method, ({}, 2))
        models = models or [{"weight": 0.5}, {"weight": 0.75}][:number]
        if method in ("slerp", "nearswap", "model_stock", "sce"):
            models = [{key: value for key, value in one.items() if key != "weight"} for one in models]
        entries = []
        for k, one in enumerate(models):
            entry = {"model": self.path(f"m{k}.safetensors"), "parameters": one}
            if "fisher" in method:
                entry["fisher"] = self.path(f"fisher{k}.safetensors")
            if "regmean" in method:
                entry["gram"] = self.path(f"gram{k}.safetensors")
            entries.append(entry)
        rate = {"drop_rate": 0.5} if sparsifies(method) else {}
        recipe = {"merge_method": method, "base_model": self.path("base.safetensors"), "models": entries, "seed": 3,
                  "parameters": {**rate, **more, **(parameters or {})}, **top}
        with open(self.path(f"{name}.yml"), "w", encoding="utf-8") as file:
            json.dump(recipe, file)
        return self.path(f"{name}.yml")

    def merged(self, np, recipe, output, *more):
        process = run(np, "dare-merge", recipe, self.path(output), "--progress", "off", *more)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(self.hidden(), [])
        return contents(self.path(output))[""]

    def same_at_one_and_three(self, name, *arguments, **top):
        """The recipe's output, the same at one rank and at three that cut it finely; and not the base."""
        recipe = self.recipe(name, *arguments, **top)
        one = self.merged(0, recipe, f"{name}.1.safetensors")
        memory = "64MiB" if "regmean" in name else "6MiB"
        three = self.merged(3, recipe, f"{name}.3.safetensors", "--writers", "all", "--memory-per-rank", memory)
        self.assertEqual(three == one, True)
        manifests = [contents(self.path(f"{name}.{np}.safetensors.manifest.json"))[""] for np in (1, 3)]
        self.assertEqual(*manifests)
        self.assertNotEqual(one == contents(self.path("base.safetensors"))[""], True)
        os.remove(self.path(f"{name}.3.safetensors"))
        return one

    def test_every_method(self):
        self.make_auxiliaries()
        outputs = {}
        names = methods()
        self.assertGreater(len(names), 20)
        for method in names:
            with self.subTest(method=method):
                outputs[method] = self.same_at_one_and_three(method, method)
        outputs.pop("average")  # another name of linear
        self.assertEqual(len(set(outputs.values())), len(outputs))  # no method does another's work

    def test_options_of_methods(self):
        cases = {
            "della across rows": ("della", {"epsilon": 0.4, "normalize": False}),
            "della rescaled by l1": ("della_linear", {"rescale": "l1"}),
            "dare rescaled by l1": ("dare_linear", {"rescale": "l1", "lambda": 0.7, "normalize": True}),
            "largest of the model": ("magnitude_prune", {"scope": "model"}),
            "ties over the model, unweighted": ("ties", {"scope": "model", "sign": "unweighted", "rescale": "l1"}),
            "outliers": ("breadcrumbs", {"gamma": 0.1, "rescale": "expected"}),
            "model_stock by rows": ("model_stock", {"filter_wise": True}),
            "sce selecting": ("sce", {"select_topk": 0.3}),
            "karcher, few steps": ("karcher", {"max_iter": 1, "tol": 0.001}),
            "gradients and filters": ("dare_ties", {}, [{"weight": [0.2, 0.8], "density": [{"filter": "up", "value": 0.3}, {"value": 0.7}]}, {"weight": 0.5}]),
        }
        for name, case in cases.items():
            with self.subTest(name):
                self.same_at_one_and_three(name, *case)

    def test_policies_of_recipes(self):
        self.same_at_one_and_three("stochastic", "dare_linear", rounding="stochastic")
        self.assertNotEqual(self.same_at_one_and_three("nearest", "dare_linear"), self.same_at_one_and_three("again", "dare_linear", rounding="stochastic"))
        self.same_at_one_and_three("as mergekit", "ties", compat="mergekit")
        self.same_at_one_and_three("dare as mergekit", "dare_ties", compat="mergekit")
        self.same_at_one_and_three("other type", "della", out_dtype="float16")

    def test_missing_tensors(self):
        shapes = {name: shape for name, shape in self.shapes.items() if name != "model.layers.1.up.weight"}
        write_safetensors(self.path("m1.safetensors"), random_model(shapes, 1))
        outputs = {policy: {method: self.same_at_one_and_three(f"{policy} {method}", method, missing=policy)
                            for method in ("dare_linear", "ties", "linear", "model_stock")} for policy in ("skip", "base")}
        self.assertEqual(outputs["skip"]["dare_linear"], outputs["base"]["dare_linear"])  # a delta that is 0, and no N
        self.assertNotEqual(outputs["skip"]["linear"], outputs["base"]["linear"])

    def test_longer_and_shorter_vocabularies(self):
        for k, rows in enumerate((61, 43)):
            shapes = {**self.shapes, "model.embed.weight": [rows, ROW]}
            write_safetensors(self.path(f"m{k}.safetensors"), random_model(shapes, k))
        for method in ("dare_linear", "ties", "della", "karcher"):
            for policy, rows in (("extend", 61), ("base", 50)):
                with self.subTest(method=method, policy=policy):
                    self.same_at_one_and_three(f"{policy} {method}", method, rows=policy)
                    merged = read_safetensors(self.path(f"{policy} {method}.1.safetensors"))
                    self.assertEqual(merged["model.embed.weight"][1], [rows, ROW])
                    if policy == "extend":
                        self.assertNotEqual(merged["model.embed.weight"][2][2 * 50 * ROW:].strip(b"\0"), b"")

    def test_config_follows_a_longer_vocabulary(self):
        shapes = {"model.embed.weight": [50, 8], "lm_head.weight": [50, 8], "model.norm.weight": [8]}
        os.mkdir(self.path("base"))
        write_safetensors(self.path("base", "model.safetensors"), random_model(shapes, "base"))
        config = '{"model_type": "llama",\n  "vocab_size": 50, "hidden_size": 8, "max_position_embeddings": 50}\n'
        with open(self.path("base", "config.json"), "w", encoding="utf-8") as file:
            file.write(config)
        write_safetensors(self.path("m0.safetensors"), random_model({**shapes, "model.embed.weight": [61, 8], "lm_head.weight": [61, 8]}, 0))
        for policy, expected in (("extend", config.replace('"vocab_size": 50', '"vocab_size": 61')), ("base", config)):
            process = run(2, "dare-merge", "--base", self.path("base"), "--model", self.path("m0.safetensors"), "--drop-rate", "0.5", "--rows", policy,
                          self.path(f"out-{policy}"))
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(contents(self.path(f"out-{policy}"))["config.json"].decode(), expected)
            note = 'base: has 50 rows, the output 61; a vocab_size of 50 in its config.json becomes 61: "model.embed.weight", "lm_head.weight"'
            self.assertEqual(note in process.stderr, policy == "extend", process.stderr)

    def test_added_rows_are_deltas_to_zero(self):
        shapes = {"model.embed.weight": [50, 8], "model.norm.weight": [8]}
        for folder, rows in (("base", 50), ("model", 61)):
            os.mkdir(self.path(folder))
            write_safetensors(self.path(folder, "model.safetensors"), random_model({**shapes, "model.embed.weight": [rows, 8]}, folder))
            with open(self.path(folder, "config.json"), "w", encoding="utf-8") as file:
                json.dump({"vocab_size": rows, "rope_theta": rows}, file)
        added = read_safetensors(self.path("model", "model.safetensors"))["model.embed.weight"][2][2 * 50 * 8:]
        recipe = "merge_method: dare_linear\nbase_model: base\nmodels: [{model: model}]\nrows: extend\nparameters: {drop_rate: %s}\n"
        for rate, drops in (("0.9", True), ("[{filter: embed, value: 0}, {value: 0.9}]", False)):
            with open(self.path("rows.yml"), "w", encoding="utf-8") as file:
                file.write(recipe % rate)
            process = run(0, "dare-merge", self.path("rows.yml"), self.path("out.safetensors"), "--overwrite")
            self.assertEqual(process.returncode, 0, process.stderr)
            note = ("11 added rows are deltas to 0, dropped and weighted like all others; in the recipe, a list such as drop_rate: [{filter: NAME, value: 0}, "
                    '{value: 0.9}] drops nothing of "model.embed.weight"')
            self.assertEqual(note in process.stderr, drops, process.stderr)
            self.assertIn("put those that are meant there yourself: config.json (rope_theta)\n", process.stderr)
            merged = read_safetensors(self.path("out.safetensors"))["model.embed.weight"][2][2 * 50 * 8:]
            self.assertEqual(merged == added, not drops)

    def test_float32_and_mergelm(self):
        self.make_family(dtype="F32")
        plain = self.same_at_one_and_three("plain", "dare_linear", models=[{}, {}])
        self.assertNotEqual(self.same_at_one_and_three("mergelm", "dare_linear", models=[{}, {}], compat="mergelm"), plain)
        for method in ("ties", "della", "slerp"):
            self.same_at_one_and_three(method, method)

    def test_plans_say_the_passes(self):
        self.make_auxiliaries()
        for number, dtype in enumerate(("BF16", "F32")):
            if dtype == "F32":
                self.make_family(dtype="F32")
            for method in methods():
                with self.subTest(method=method, dtype=dtype):
                    process = run(0, "dare-merge", self.recipe(method, method), "--plan", "--json", "--ranks", "4")
                    self.assertEqual("della sorts each row" in process.stderr, method.startswith("della"))
                    self.assertEqual(process.returncode, 0, process.stderr)
                    self.assertEqual(json.loads(process.stdout)["passes"], PASSES.get(method, (1, 1))[number])
        process = run(0, "dare-merge", self.recipe("l1", "dare_linear", {"rescale": "l1"}), "--plan", "--json")
        self.assertEqual(json.loads(process.stdout)["passes"], 2)

    def test_regmean_is_refused_above_the_memory(self):
        self.make_auxiliaries()
        process = run(2, "dare-merge", self.recipe("regmean", "regmean"), self.path("out.safetensors"), "--memory-per-rank", "6MiB")
        self.assert_refused(process, 2, "--memory-per-rank 6MiB: this needs at least 51MiB a rank")

    def test_the_command_line_switches_normalize_both_ways(self):
        made = {}
        for value in (True, False):
            made[value] = self.merged(0, self.recipe("normalize", "dare_ties", {"drop_rate": 0.5, "normalize": value}), f"{value}.safetensors")
        self.assertNotEqual(made[True], made[False])
        for value, option in ((False, "--normalize"), (True, "--no-normalize")):
            recipe = self.recipe("switched", "dare_ties", {"drop_rate": 0.5, "normalize": value})
            self.assertEqual(self.merged(0, recipe, f"{option}.safetensors", option), made[not value])
        process = run(0, "dare-merge", self.recipe("linear", "slerp", {"t": 0.5}), self.path("out.safetensors"), "--no-normalize")
        self.assertEqual(process.returncode, 2)
        self.assertIn("--no-normalize: ", process.stderr)

    def test_a_survey_that_is_interrupted_goes_on(self):
        self.make_auxiliaries()
        for method, parameters, fault, path in (("ties", {"scope": "model"}, "pwrite:2:KILL:0", ".partial"), ("slerp", {}, "pread:3:KILL:1", "m0.safe"),
                                                ("sce", {"select_topk": 0.3}, "pwrite:1:KILL:1", ".journal"), ("della", {}, "fsync:2:KILL:0", ".partial"),
                                                ("regmean", {}, "pwrite:2:KILL:1", ".partial")):
            with self.subTest(method=method, fault=fault):
                recipe = self.recipe(method, method, parameters)
                expected = self.merged(0, recipe, "expected.safetensors", "--overwrite")
                output = f"{method}.safetensors"
                process = run(2, "dare-merge", recipe, self.path(output), "--writers", "all", **with_fault(fault, path))
                self.assertNotEqual(process.returncode, 0)
                self.assertFalse(os.path.exists(self.path(output)))
                self.assertNotEqual(self.hidden(), [])
                self.assertEqual(self.merged(3, recipe, output, "--resume") == expected, True)


if __name__ == "__main__":
    unittest.main()
