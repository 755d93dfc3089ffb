"""dare-diff counts and measures every difference, the same at any number of ranks."""

import json
import math
import struct
import unittest

from dare_system import SystemTest, own_words, run, write_safetensors


def f32(values):
    return struct.pack(f"<{len(values)}f", *values)


class Diff(SystemTest):
    def write(self, name, tensors):
        write_safetensors(self.path(name), tensors)
        return self.path(name)

    def diff(self, np, code, *words):
        process = run(np, "dare-diff", *words)
        self.assertEqual((process.returncode, own_words(process, "dare-diff")), (code, []), process.stdout + process.stderr)
        return process.stdout

    def test_figures_of_a_worked_example(self):
        a = [1.0, -2.0, 0.0, 0.0, float("nan"), float("inf"), 3.0, 1.0]
        b = [1.0, -2.5, -0.0, 1.0, float("nan"), 4.0, 3.0000002384185791, float("nan")]
        first = self.write("a.safetensors", {"w": ("F32", [8], f32(a)), "same": ("F32", [2], f32([1, 2])), "mine": ("F32", [1], f32([0]))})
        second = self.write("b.safetensors", {"same": ("F32", [2], f32([1, 2])), "w": ("F32", [8], f32(b)), "yours": ("BF16", [2], bytes(4))})
        for np in (0, 1, 2, 3):
            found = json.loads(self.diff(np, 4, first, second, "--json"))
            self.assertEqual((found["equal"], found["tensors_in_both"], found["tensors_equal"]), (False, 2, 1))
            self.assertEqual((found["only_in_a"], found["only_in_b"]), (["mine"], ["yours"]))
            [w] = found["tensors"]
            # -0 and 0 differ by their bits; of the three that are not finite, one is the same NaN in both.
            self.assertEqual((w["tensor"], w["elements"], w["differing"], w["nonfinite"]), ("w", 8, 6, 2))
            self.assertEqual(w["max_absolute"], {"value": 1.0, "at": 3})
            self.assertEqual(w["max_relative"], {"value": 1.0, "at": 3})
            self.assertEqual(w["max_ulps"], {"value": 0x3F800000, "at": 3})
            dot = 1 + 5 + 3 * 3.0000002384185791
            norm = math.sqrt(1 + 4 + 9) * math.sqrt(1 + 6.25 + 1 + 3.0000002384185791**2)
            self.assertAlmostEqual(w["cosine"], dot / norm, 12)
            lines = self.diff(np, 4, first, second).splitlines()
            self.assertEqual(lines, [
                "elements  differing  max |a-b|  at  relative        ULPs    cosine  type  tensor",
                f"       8          6          1   3         1  1065353216  {dot / norm:.6f}  F32   w",
                "only in A: mine F32 [1]",
                "only in B: yours BF16 [2]",
                "2 tensors in both: 1 equal, 1 different; 1 in A alone, 1 in B alone",
                "6 of 10 elements differ, 2 of them not finite",
                f"max |a-b| 1, max relative 1, cosine {found['overall']['cosine']:.6f}",
                "different",
            ])

    def test_one_ulp_in_a_large_tensor_is_found_where_it_is(self):
        self.make_family(models=1)
        with open(self.path("m0.safetensors"), "rb") as file:
            data = bytearray(file.read())
        data[-64 - 2 - 100_000 * 2] ^= 1  # in model.layers.0.up.weight: the scalar and the norm are behind it
        with open(self.path("n0.safetensors"), "wb") as file:
            file.write(data)
        results = [self.diff(np, 4, self.path("m0.safetensors"), self.path("n0.safetensors"), "--json") for np in (1, 2, 3)]
        self.assertEqual([results[0]] * 3, results)
        [tensor] = json.loads(results[0])["tensors"]
        self.assertEqual((tensor["tensor"], tensor["differing"]), ("model.layers.0.up.weight", 1))
        self.assertEqual(tensor["max_ulps"], {"value": 1, "at": 1100 * 2048 - 100_000})

    def test_equal_weights_in_another_format_are_equal(self):
        self.make_family(models=1)
        for output in ("m0.h5", "folder"):
            process = run(2, "dare-convert", self.path("m0.safetensors"), self.path(output))
            self.assertEqual(process.returncode, 0, process.stderr)
            lines = self.diff(2, 0, self.path("m0.safetensors"), self.path(output)).splitlines()
            self.assertEqual(lines, ["5 tensors in both: 5 equal, 0 different", "0 of 2262433 elements differ", "equal"])

    def test_another_type_is_a_difference_even_of_equal_values(self):
        self.make_family(models=1)
        process = run(0, "dare-convert", self.path("m0.safetensors"), self.path("wide.safetensors"), "--dtype", "F32")
        self.assertEqual(process.returncode, 0, process.stderr)
        found = json.loads(self.diff(2, 4, self.path("m0.safetensors"), self.path("wide.safetensors"), "--json"))
        self.assertEqual([(t["dtype_a"], t["dtype_b"], t["differing"], t["max_ulps"]) for t in found["tensors"]], [("BF16", "F32", 0, None)] * 5)

    def test_shapes_and_integers(self):
        ints = struct.pack("<4i", 1, 2, 3, 4)
        first = self.write("a.safetensors", {"i": ("I32", [4], ints), "s": ("F32", [2, 3], bytes(24)), "b": ("BOOL", [3], b"\0\1\1")})
        second = self.write("b.safetensors", {"i": ("I32", [4], struct.pack("<4i", 1, 9, 3, 8)), "s": ("F32", [3, 2], bytes(24)), "b": ("BOOL", [3], b"\0\1\1")})
        lines = self.diff(3, 4, first, second).splitlines()
        self.assertEqual(lines, ["elements  differing  max |a-b|  at  relative  ULPs  cosine  type  tensor",
                                 "       4          2          -   -         -     -       -  I32   i",
                                 "other shape: s is F32 [2, 3] in A, F32 [3, 2] in B",
                                 "2 tensors in both: 1 equal, 1 different; 1 of other shape", "2 of 7 elements differ", "max |a-b| 0, max relative 0, cosine -", "different"])

    def test_values_whose_squares_exceed_a_double(self):
        for name, value in (("a", 1e200), ("b", -1e200)):
            write_safetensors(self.path(f"{name}.safetensors"), {"w": ("F64", [2], struct.pack("<2d", value, 1))})
        process = run(2, "dare-diff", self.path("a.safetensors"), self.path("b.safetensors"))
        self.assertIn("max |a-b| 2e+200, max relative 2, cosine -", process.stdout)
        self.assertNotIn("nan", process.stdout)

    def test_an_input_that_changes_while_it_is_read(self):
        for name in ("a", "b"):
            write_safetensors(self.path(f"{name}.safetensors"), {"w": ("F32", [70000], bytes(280000))})
        words = [self.path("a.safetensors"), self.path("b.safetensors")]
        for call in (2, 4):  # of the header, of the weights
            with self.subTest(call=call):
                self.assert_change_is_told(f"pread:{call}:STOP:0", self.path("b.safetensors"), "dare-diff", *words)

    def test_what_is_refused(self):
        self.make_family(models=1)
        self.assert_refused(run(2, "dare-diff", self.path("m0.safetensors")), 2, "A and B are expected, found A alone; see dare-diff --help", "dare-diff")
        self.assert_refused(run(2, "dare-diff", self.path("m0.safetensors"), self.path("no")), 3, f"{self.path('no')}: no such file or folder", "dare-diff")


if __name__ == "__main__":
    unittest.main()
