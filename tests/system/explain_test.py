"""dare-merge --explain: the explained element is the merged one, at any number of ranks; and what it says of tensors that are not merged."""

import json
import math
import os
import random
import struct
import unittest

from dare_system import SystemTest, random_model, read_safetensors, run, write_safetensors

SIZE = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8, "I64": 8, "BOOL": 1}


class Explain(SystemTest):
    shapes = {"model.embed.weight": [60, 40], "model.layers.0.up.weight": [7, 5, 3], "model.norm.weight": [40], "scale": [], "empty": [0, 4]}

    def setUp(self):
        super().setUp()
        self.make_family()

    def write_recipe(self, method, parameters, **top):
        recipe = {"merge_method": method, "base_model": "base.safetensors", "models": [{"model": "m0.safetensors"}, {"model": "m1.safetensors"}],
                  "parameters": parameters, "seed": 7, "compat": "none", **top}
        with open(self.path("recipe.yml"), "w", encoding="utf-8") as file:
            json.dump(recipe, file)

    def explained(self, element, *more, np=0):
        process = run(np, "dare-merge", self.path("recipe.yml"), "--explain", element, "--log-level", "error", *more)
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        return process.stdout

    def of_element(self, element, *more, np=0):
        return json.loads(self.explained(element, "--json", *more, np=np))

    def test_the_output_is_the_merges(self):
        draw = random.Random(3)
        for method, parameters, top in (
                ("dare_linear", {"drop_rate": 0.5}, {}), ("della", {"drop_rate": 0.4}, {}), ("ties", {"density": 0.4, "scope": "model"}, {}),
                ("breadcrumbs", {"density": 0.5, "rescale": "l1"}, {"out_dtype": "float32"}), ("model_stock", {"filter_wise": True}, {}), ("karcher", {}, {}),
                ("sce", {"select_topk": 0.5}, {"exclude": ["norm"]}), ("dare_ties", {"drop_rate": 0.2}, {"rounding": "stochastic"})):
            with self.subTest(method=method):
                self.write_recipe(method, parameters, **top)
                done = run(2, "dare-merge", self.path("recipe.yml"), self.path("out.safetensors"), "--overwrite")
                self.assertEqual(done.returncode, 0, done.stderr)
                out = read_safetensors(self.path("out.safetensors"))
                for name, (dtype, shape, data) in out.items():
                    if math.prod(shape) == 0:
                        continue
                    flat = draw.randrange(math.prod(shape))
                    found = self.of_element(f"{name}[{flat}]", np=3 if name.endswith("up.weight") else 0)
                    size = SIZE[dtype]
                    bits = int.from_bytes(data[size * flat: size * flat + size], "little")
                    self.assertEqual((found["index"], found["output"]["dtype"], int(found["output"]["bits"], 16)), (flat, dtype, bits))

    def test_the_same_words_at_any_number_of_ranks(self):
        self.write_recipe("ties", {"density": 0.3})
        one = self.explained("model.embed.weight[3,7]")
        self.assertEqual(one, self.explained("model.embed.weight[127]", np=3))
        self.assertEqual(sorted(os.listdir(self.folder)), ["base.safetensors", "m0.safetensors", "m1.safetensors", "recipe.yml"])

    def test_as_text(self):
        for name, value in (("base", 1.0), ("m0", 1.5), ("m1", -3.0)):
            write_safetensors(self.path(f"{name}.safetensors"), {"w": ("F32", [2, 3], struct.pack("<6f", *(value * (i + 1) for i in range(6))))})
        self.write_recipe("dare_linear", {"drop_rate": 0.5, "weight": 0.25})
        text = self.explained("w[1,0]").replace(self.folder + "/", "")
        self.assertEqual(text, """\
element  w[1,0]
tensor   F32 [2, 3] of base.safetensors, flat index 3
method   dare_linear in float64, seed 7
base     F32 0x40800000  4

model           stored          F    delta  rate  u           T           is       g  w     c    c*delta  sum
m0.safetensors  F32 0x40c00000  6    2      0.5   0xb738844c  0x80000000  kept     2  0.25  0.5  1        1
m1.safetensors  F32 0xc1400000  -12  -16    0.5   0x5d7a071c  0x80000000  dropped  2  0.25  0.5  0        1

lambda    1
sum       1
B + sum   5
result    5
rounding  to F32, half to even
output    F32 0x40a00000  5
""")

    def test_rows_that_a_model_lacks(self):
        write_safetensors(self.path("m0.safetensors"), random_model({**self.shapes, "model.embed.weight": [70, 40]}, 0))
        self.write_recipe("dare_linear", {"drop_rate": 0.1}, rows="extend")
        text = self.explained("model.embed.weight[65,3]")
        self.assertIn("base     0: it has no such row\n", text)
        self.assertIn("m1.safetensors  absent: it has no such row\n", text)
        found = self.of_element("model.embed.weight[65,3]")
        self.assertEqual((found["base"], found["models"][1]), (None, {"model": "m1.safetensors", "present": False}))

    def test_an_adapters_change(self):
        data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "lora", "linear")
        words = ["--method", "task_arithmetic", "--base", os.path.join(data, "base.safetensors"), "--model", data]
        done = run(2, "dare-merge", *words, self.path("out.safetensors"))
        self.assertEqual(done.returncode, 0, done.stderr)
        changed = 0
        for name, (dtype, shape, bytes_of) in read_safetensors(self.path("out.safetensors")).items():
            flat = math.prod(shape) - 2
            process = run(2, "dare-merge", *words, "--explain", f"{name}[{flat}]", "--json")
            self.assertEqual(process.returncode, 0, process.stderr)
            found = json.loads(process.stdout)
            size = SIZE[dtype]
            self.assertEqual(int(found["output"]["bits"], 16), int.from_bytes(bytes_of[size * flat: size * flat + size], "little"))
            changed += sum(model["present"] and "stored" not in model and model["delta"] != 0 for model in found.get("models", []))
        self.assertGreater(changed, 0)

    def test_tensors_that_are_not_merged(self):
        for name in ("base", "m0", "m1"):
            write_safetensors(self.path(f"{name}.safetensors"), {"ids": ("I64", [2], struct.pack("<2q", 5, -6)), "flag": ("BOOL", [1], b"\1"),
                                                                 "w": ("F32", [1], struct.pack("<f", 0.1)), "lm_head": ("F32", [1], struct.pack("<f", 3))})
        self.write_recipe("dare_linear", {"drop_rate": 0.5}, exclude=["^lm_"], out_dtype="bfloat16")
        self.assertEqual(self.explained("ids[1]"), """\
element  ids[1]
tensor   I64 [2] of base.safetensors, flat index 1
origin   copied byte for byte from base.safetensors: I64 is not merged: the models' must be the same
there    I64 0xfffffffffffffffa  -6
output   I64 0xfffffffffffffffa  -6
""")
        self.assertEqual(self.of_element("flag")["output"], {"dtype": "BOOL", "bits": "0x01", "value": True})
        found = self.of_element("lm_head")
        self.assertEqual((found["action"], found["why"]), ("convert", 'the tensor is excluded by "^lm_"'))
        self.assertEqual(found["output"], {"dtype": "BF16", "bits": "0x4040", "value": 3.0})

    def test_what_a_merge_would_stop_at(self):
        write_safetensors(self.path("m0.safetensors"), {**read_safetensors(self.path("m0.safetensors")), "scale": ("BF16", [], b"\x80\x7f")})
        self.write_recipe("dare_linear", {"drop_rate": 0})
        text = self.explained("scale")
        self.assertIn("a merge stops here: m0.safetensors: tensor \"scale\": element 0 is inf;", text)
        self.assertNotIn("output", text)
        self.assertIn("refused", self.of_element("scale"))

    def test_refusals(self):
        self.write_recipe("dare_linear", {"drop_rate": 0.5})
        for element, message in (
                ("layers.0.up.weight[0]", 'base.safetensors has no tensor "layers.0.up.weight"; near it: "model.layers.0.up.weight"'),
                ("model.nrom.weight[0]", 'base.safetensors has no tensor "model.nrom.weight"; near it: "model.norm.weight", "model.embed.weight"'),
                ("q[0]", 'base.safetensors has no tensor "q"; `dare-inspect` lists them'),
                ("model.norm.weight", 'tensor "model.norm.weight" is [40]: name one element of it, e.g. model.norm.weight[0]'),
                ("model.norm.weight[40]", 'tensor "model.norm.weight" is [40]: index 40 in dimension 0, expected one below 40'),
                ("model.embed.weight[0,40]", 'tensor "model.embed.weight" is [60, 40]: index 40 in dimension 1, expected one below 40'),
                ("model.embed.weight[2400]", 'tensor "model.embed.weight" is [60, 40]: flat index 2400, expected one below 2400'),
                ("model.layers.0.up.weight[1,2]", 'tensor "model.layers.0.up.weight" is [7, 5, 3]: 2 indices, expected 3, or one flat index below 105'),
                ("scale[1]", 'tensor "scale" is []: flat index 1, expected one below 1'),
                ("empty[0,0]", 'tensor "empty" is [0, 4]: it has no element'),
                ("model.norm.weight[-1]", 'base.safetensors has no tensor "model.norm.weight[-1]"; near it: "model.norm.weight"')):
            with self.subTest(element=element):
                self.assert_refused(run(2 if element == "q[0]" else 0, "dare-merge", self.path("recipe.yml"), "--explain", element), 2, f"--explain {element}: {message}")
        both = run(0, "dare-merge", self.path("recipe.yml"), "--explain", "scale", "--plan")
        self.assert_refused(both, 2, "--plan and --explain: give one of them")


if __name__ == "__main__":
    unittest.main()
