"""Plans of the largest merges, on 4,096 ranks of 512 nodes: from headers alone, even, and within the memory a rank is given."""

import json
import math
import os
import re
import resource
import subprocess
import unittest

from dare_system import SystemTest, command, environment, random_model, run, write_safetensors
import large_models  # in tests/support, as dare_system has said


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
        self.check(plan, sum(math.prod(shape) for _, shape in large_models.moe()))
        self.assertEqual((plan["tensors"], plan["passes"]), (69_975, 1))

    def test_states_the_passes_of_a_selection(self):
        plan = self.plan("dense", "--method", "ties")
        self.assertEqual(plan["passes"], 3)
        self.assertAlmostEqual(plan["read_s"], plan["bytes_read"] / 500e9)


class ManyModels(SystemTest):
    """What every rank holds of headers and settings grows with models and tensors, and is part of what a rank is said to need."""

    def test_headers_are_counted(self):
        shapes = {f"model.layers.{number}.a.projection.weight": [2] for number in range(3000)}
        write_safetensors(self.path("base.safetensors"), random_model(shapes, "base"), {"format": "pt"})
        write_safetensors(self.path("m.safetensors"), random_model(shapes, "m"), {"format": "pt"})

        def words(models, *more):
            given = [word for _ in range(models) for word in ("--model", self.path("m.safetensors"))]
            return ["--base", self.path("base.safetensors"), *given, "--drop-rate", "0.9", *more, self.path("out.safetensors")]

        needed = {}
        for models in (2, 100):
            process = run(0, "dare-merge", *words(models, "--plan", "--json"))
            self.assertEqual(process.returncode, 0, process.stderr)
            needed[models] = json.loads(process.stdout)["buffer_bytes_per_rank"]
        refused = run(0, "dare-merge", *words(100, "--memory-per-rank", "32MiB"))
        self.assertEqual(refused.returncode, 2, refused.stderr)
        enough = re.search(r"needs at least (\d+)MiB a rank", refused.stderr)
        self.assertIsNotNone(enough, refused.stderr)
        with subprocess.Popen(command(0, "dare-merge", *words(100, "--memory-per-rank", enough[1] + "MiB")), env=environment(),
                              stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        self.assertLess(usage.ru_maxrss << 10, (int(enough[1]) + 64) << 20)
        self.assertGreater(needed[100] - needed[2], 64 << 20)


class ManyFiles(SystemTest):
    """More shards than the soft limit of open files lets a process open at once: the programs raise it themselves."""

    def limited(self, program, *words):
        line = ["bash", "-c", 'ulimit -Sn 64 && exec "$@"', "bash", *command(0, program, *words)]
        process = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=120)
        self.assertEqual(process.returncode, 0, process.stderr)

    def test_shards_above_the_limit(self):
        if 0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 512:
            self.skipTest("the hard limit of open files is below 512 here")
        shapes = {f"model.layers.{number}.weight": [8] for number in range(150)}
        names = ("base", "m0", "m1")
        for name in names:
            write_safetensors(self.path(name + ".safetensors"), random_model(shapes, name), {"format": "pt"})
            self.limited("dare-convert", self.path(name + ".safetensors"), self.path(name), "--shard-size", "16")
            self.assertEqual(sum(file.endswith(".safetensors") for file in os.listdir(self.path(name))), 150)
        words = ["--base", self.path("base"), "--model", self.path("m0"), "--model", self.path("m1"), "--drop-rate", "0.5"]
        self.limited("dare-merge", *words, "--shard-size", "16", self.path("out"))
        self.limited("dare-merge", *words, self.path("out.safetensors"))
        self.limited("dare-verify", self.path("out"))
        self.limited("dare-diff", self.path("out"), self.path("out.safetensors"))


if __name__ == "__main__":
    unittest.main()
