"""Plans of the largest merges, on 4,096 ranks of 512 nodes: from headers alone, even, and within the memory a rank is given."""

import json
import os
import sys
import unittest

from dare_system import SystemTest, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import large_models  # noqa: E402  (found by the line above)


class Plans(SystemTest):
    def plan(self, kind, *words):
        large_models.write_family(kind, self.path(kind))
        models = [word for model in "abc" for word in ("--model", self.path(kind, model))]
        process = run(0, "dare-merge", "--base", self.path(kind, "base"), *models, "--drop-rate", "0.9", "--plan", "--json", "--ranks", "4096",
                      "--nodes", "512", "--bandwidth-read", "500GB", "--bandwidth-write", "200GB", *words)
        self.assertEqual(process.returncode, 0, process.stderr)
        return json.loads(process.stdout)

    def check(self, plan, parameters):
        written = 2 * parameters
        self.assertEqual((plan["ranks"], plan["nodes"], plan["bytes_read"], plan["bytes_written"]), (4096, 512, 4 * written, written))
        self.assertLessEqual(plan["imbalance"], 1.01)
        self.assertLessEqual(plan["buffer_bytes_per_rank"], 512 << 20)
        self.assertLessEqual(plan["largest_writer_bytes"], 1.02 * written / plan["writers"])
        self.assertAlmostEqual(plan["read_s"], 4 * written / 500e9)
        self.assertAlmostEqual(plan["write_s"], written / 200e9)
        self.assertAlmostEqual(plan["predicted_s"], plan["read_s"] + plan["write_s"])

    def test_of_405_billion_parameters(self):
        plan = self.plan("dense")
        self.check(plan, 405_853_388_800)
        self.assertEqual((plan["tensors"], plan["passes"]), (1137, 1))

    def test_of_a_trillion_parameters_in_70_000_tensors(self):
        plan = self.plan("moe")
        self.check(plan, sum(large_models.elements(shape) for _, shape in large_models.moe()))
        self.assertEqual((plan["tensors"], plan["passes"]), (69_975, 1))

    def test_states_the_passes_of_a_selection(self):
        plan = self.plan("dense", "--method", "ties")
        self.assertEqual(plan["passes"], 3)
        self.assertAlmostEqual(plan["read_s"], plan["bytes_read"] / 500e9)


if __name__ == "__main__":
    unittest.main()
