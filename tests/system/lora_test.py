"""A LoRA adapter as a model: its product is a delta like any other."""

import json
import os
import struct
import unittest

from dare_system import SystemTest, contents, read_safetensors, run, write_safetensors
from methods_test import NEEDS, methods, sparsifies


def f32(values):
    return struct.pack("<%df" % len(values), *values)


class Lora(SystemTest):
    rows, columns, rank = 6, 4, 2

    def setUp(self):
        super().setUp()
        self.base = [0.25 * i - 1 for i in range(self.rows * self.columns)]
        norm = ("F32", [4], f32([1, 2, 3, 4]))
        write_safetensors(self.path("base.safetensors"), {"x.weight": ("F32", [self.rows, self.columns], f32(self.base)), "norm.weight": norm})
        self.a = [0.1 * i + 0.03 for i in range(self.rank * self.columns)]
        self.b = [0.7 - 0.2 * i for i in range(self.rows * self.rank)]
        os.mkdir(self.path("m0"))
        factors = {
            "base_model.model.x.lora_A.weight": ("F32", [self.rank, self.columns], f32(self.a)),
            "base_model.model.x.lora_B.weight": ("F32", [self.rows, self.rank], f32(self.b)),
        }
        write_safetensors(self.path("m0", "adapter_model.safetensors"), factors)
        with open(self.path("m0", "adapter_config.json"), "w", encoding="utf-8") as file:
            json.dump({"peft_type": "LORA", "r": self.rank, "lora_alpha": 5, "target_modules": ["x"]}, file)

    def merge(self, np, output, *more):
        words = ["--base", self.path("base.safetensors"), "--model", self.path("m0"), *more, self.path(output)]
        process = run(np, "dare-merge", *words)
        self.assertEqual(process.returncode, 0, process.stderr)
        return read_safetensors(self.path(output))

    def expected(self):
        stored = lambda values: struct.unpack("<%df" % len(values), f32(values))
        a, b = stored(self.a), stored(self.b)
        out = []
        for row in range(self.rows):
            for column in range(self.columns):
                total = 0.0
                for j in range(self.rank):
                    total += b[row * self.rank + j] * a[j * self.columns + column]
                out.append(self.base[row * self.columns + column] + 2.5 * total)
        return f32(out)

    def test_the_product_is_added_and_the_rest_is_the_base(self):
        for np in (1, 3):
            merged = self.merge(np, f"out{np}.safetensors", "--method", "task_arithmetic")
            self.assertEqual(merged["x.weight"][2], self.expected())
            self.assertEqual(merged["norm.weight"][2], f32([1, 2, 3, 4]))

    def test_a_configuration_that_changes_while_it_is_read(self):
        self.assert_change_is_told("pread:2:STOP:0", self.path("m0", "adapter_config.json"), "dare-inspect", "--base", self.path("base.safetensors"), self.path("m0"))

    def test_dare_drops_from_the_product(self):
        merged = self.merge(2, "out.safetensors", "--drop-rate", "0.5", "--rescale", "none", "--seed", "3")
        whole = struct.unpack("<24f", self.expected())
        got = struct.unpack("<24f", merged["x.weight"][2])
        kept = [g == w for g, w in zip(got, whole)]
        self.assertTrue(all(k or g == b for k, g, b in zip(kept, got, self.base)))
        self.assertIn(True, kept)
        self.assertIn(False, kept)
        self.merge(3, "again.safetensors", "--drop-rate", "0.5", "--rescale", "none", "--seed", "3")
        self.assertEqual(contents(self.path("again.safetensors")), contents(self.path("out.safetensors")))

    def exact(self):
        """Factors whose products, and these added to the base, float32 holds: the merged model has the adapter's very deltas."""
        factors = {
            "base_model.model.x.lora_A.weight": ("F32", [self.rank, self.columns], f32([1, -2, 3, 0, 2, 1, -1, 4])),
            "base_model.model.x.lora_B.weight": ("F32", [self.rows, self.rank], f32([(5 * i) % 7 - 3 for i in range(self.rows * self.rank)])),
        }
        write_safetensors(self.path("m0", "adapter_model.safetensors"), factors)
        self.merge(0, "merged.safetensors", "--method", "task_arithmetic")

    def by_recipe(self, model, **recipe):
        entry = {"model": self.path(model)}
        with open(self.path("r.yml"), "w", encoding="utf-8") as file:
            json.dump({"base_model": self.path("base.safetensors"), "models": [entry] * recipe.pop("number", 1), "seed": 7, **recipe}, file)
        return run(0, "dare-merge", self.path("r.yml"), self.path("out.safetensors"), "--overwrite")

    def test_every_method_takes_it_as_its_merged_model(self):
        self.exact()
        weighed = ("fisher", "regmean")
        names = [name for name in methods() if not name.endswith(weighed)]
        self.assertGreater(len(names), 15)
        cases = [({"merge_method": name, "parameters": {**({"drop_rate": 0.5} if sparsifies(name) else {}), **NEEDS.get(name, ({}, 2))[0]}},
                  NEEDS.get(name, ({}, 2))[1]) for name in names]
        cases.append(({"merge_method": "dare_linear", "parameters": {"drop_rate": 0.5}, "compat": "mergelm"}, 2))
        for recipe, number in cases:
            with self.subTest(recipe):
                outputs = []
                for model in ("m0", "merged.safetensors"):
                    process = self.by_recipe(model, number=number, **recipe)
                    self.assertEqual(process.returncode, 0, process.stderr)
                    outputs.append(contents(self.path("out.safetensors"))[""])
                self.assertEqual(*outputs)

    def test_methods_that_weigh_whole_models_refuse_it(self):
        for method, key in (("fisher", "fisher"), ("regmean", "gram")):
            words = {"merge_method": method, "models": [{"model": self.path("m0"), key: self.path("base.safetensors")}]}
            process = self.by_recipe("m0", **words)
            what = "Fisher weights" if key == "fisher" else "Gram matrices"
            self.assert_refused(process, 2, f"{self.path('m0')}: a LoRA adapter, and {method} weighs whole models by their {what}; make it a model first "
                                            f"(dare-merge --method task_arithmetic --base BASE --model {self.path('m0')} OUTPUT) and list that instead")

    def test_an_adapter_is_no_base(self):
        process = run(2, "dare-merge", "--base", self.path("m0"), "--model", self.path("base.safetensors"), "--drop-rate", "0.5", self.path("out.h5"))
        self.assert_refused(process, 3, f"{self.path('m0')}: a LoRA adapter is no base; give the model that it was trained on as the base")


if __name__ == "__main__":
    unittest.main()
