"""A sweep run again: it does what is missing, whatever ended the last run, and keeps apart what other settings made."""

import glob
import json
import os
import shutil
import subprocess
import time
import unittest

from dare_sweep import SweepTest, made, outcomes, rows
from dare_system import FAULTS, command, contents, count, environment, own_words, random_model, with_fault, write_safetensors


class Rerun(SweepTest):
    def setUp(self):
        super().setUp()
        self.make_family()

    def test_a_rerun_does_only_what_is_missing(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3]}\n"
        self.swept(2, text)
        before = contents(self.path("swept"))
        again = self.swept(3, text, "--groups", "2")
        self.assertEqual((again["done_before"], again["done"], again["bytes_read"]), (3, 0, 0))
        self.assert_same(contents(self.path("swept")), before, "after a rerun")
        # A record without its checkpoint, a checkpoint without its record.
        subprocess.run(["rm", "-r", self.path("swept", "drop_rate=0.1")], check=True)
        os.remove(self.path("swept", "points", "drop_rate=0.2.json"))
        third = self.swept(2, text)
        self.assertEqual((third["done_before"], third["done"]), (2, 1))
        after = contents(self.path("swept"))
        self.assertEqual(rows(self.path("swept"))["drop_rate=0.2"]["xxh3_128"], json.loads(before["points/drop_rate=0.2.json"])["xxh3_128"])
        for name in before:
            if name.endswith(("safetensors", "dare-manifest.json")):
                self.assertTrue(after[name] == before[name], name)
        more = self.swept(2, text.replace("0.3", "0.3, 0.4"))
        self.assertEqual((more["done_before"], more["done"]), (3, 1))
        self.assertEqual(list(rows(self.path("swept"))), [f"drop_rate=0.{i}" for i in range(1, 5)])

    def test_points_that_the_sweep_no_longer_has_are_marked(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n"
        self.swept(0, text)
        self.swept(0, text.replace("0.1, ", ""))
        status = {name: row["status"] for name, row in rows(self.path("swept")).items()}
        self.assertEqual(status, {"drop_rate=0.2": "done", "drop_rate=0.1": "withdrawn"})
        self.assertEqual(self.swept(0, text)["done_before"], 2)
        self.assertEqual({row["status"] for row in rows(self.path("swept")).values()}, {"done"})

    def test_a_refusal_for_space_leaves_nothing(self):
        process = self.sweep(2, self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n", LD_PRELOAD=FAULTS, DARE_FAULT_FREE="1000")
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertFalse(os.path.exists(self.path("swept")))

    def test_results_of_other_settings_are_not_taken_for_these(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\n"
        self.swept(0, text)
        other = text.replace("drop_rate: 0.5", "drop_rate: 0.25")
        self.assert_refused(self.sweep(2, other), 3, f"{self.path('swept', 'p')}: was made by another run: recipe.models[0].drop_rate: 0.25, was 0.5\n"
                            "  recipe.models[1].drop_rate: 0.25, was 0.5; name another folder, or give --overwrite", "dare-sweep")
        os.remove(self.path("swept", "points", "p.json"))
        process = self.sweep(2, other)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn("recipe.models[0].drop_rate: 0.25, was 0.5", process.stderr)
        self.assertEqual(self.swept(2, other, "--overwrite")["done"], 1)
        self.assert_same(contents(self.path("swept", "p")), self.merged(self.recipe + "parameters: {drop_rate: 0.25}\n", "expected"), "p")

    def test_a_manifest_that_is_none_is_named(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\n"
        self.swept(0, text)
        os.remove(self.path("swept", "points", "p.json"))
        manifest = self.path("swept", "p", "dare-manifest.json")
        self.write(manifest, "{")
        self.assert_refused(self.sweep(2, text), 3, f"{manifest}: is no manifest of this program (ends in the middle, in line 1); remove it, or name another folder",
                            "dare-sweep")
        for other in ("[]", '{"tensors": 1}', '{"tensors": [1]}', '{"tensors": [{"xxh3_128": 1}]}', '{"inputs": [{"files": 1}]}', '{"outputs": 1}'):
            self.write(manifest, other)
            self.assert_refused(self.sweep(2, text), 3, f"{manifest}: is no manifest of this program (its JSON is of another form); remove it, or name "
                                                        "another folder", "dare-sweep")

    def test_a_configuration_that_was_changed_is_noticed(self):
        os.mkdir(self.path("base"))
        os.rename(self.path("base.safetensors"), self.path("base", "model.safetensors"))
        config = self.write("base/config.json", "{}")
        text = self.recipe.replace("base.safetensors", "base") + "grid: {drop_rate: [0.1, 0.2]}\n"
        self.swept(0, text)
        self.assertEqual(self.swept(0, text)["done_before"], 2)
        self.write("base/config.json", '{"a": 1}')
        process = self.sweep(0, text)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn(f"{config}: was changed since it gave 2 points in {self.path('swept')}, such as drop_rate=0.1: ", process.stderr)
        self.assertEqual(self.swept(0, text, "--overwrite")["done"], 2)
        with open(self.path("swept", "drop_rate=0.1", "config.json")) as file:
            self.assertEqual(json.load(file)["a"], 1)

    def test_an_input_that_was_replaced_is_noticed(self):
        model = self.path("m1.safetensors")
        for outputs in ("model", "statistics"):
            with self.subTest(outputs=outputs):
                self.make_family()
                os.utime(model, ns=(0, 1_700_000_000_123_456_789))
                output = "of_" + outputs
                text = self.recipe + f"outputs: {outputs}\ngrid: {{drop_rate: [0.1, 0.2]}}\n"
                self.swept(2, text, output=output)
                before = contents(self.path(output))
                write_safetensors(model, random_model(self.shapes, "trained again", "BF16"), {"format": "pt"})
                os.utime(model, ns=(0, 1_700_000_100_000_000_001))
                size = os.path.getsize(model)
                then = "2023-11-14 22:13:20.123456789 UTC"
                words = (f"{model}: was changed since it gave 2 points in {self.path(output)}, such as drop_rate=0.1: 2023-11-14 22:15:00.000000001 UTC "
                         f"of {size} bytes now, {then} of {size} bytes then; name another folder, or give --overwrite, which makes them anew; "
                         f"where it has the content that it had, `touch -d '{then}' {model}` lets them stand")
                for more in ([], ["--plan"], ["--groups", "2"]):
                    self.assert_refused(self.sweep(2, text.replace("0.2]", "0.2, 0.3]"), *more, output=output), 3, words, "dare-sweep")
                self.assert_same(contents(self.path(output)), before, "after refusals")
                # A record of an earlier version says nothing of the files.
                record = self.path(output, "points", "drop_rate=0.1.json")
                with open(record) as file:
                    known = json.load(file)
                self.write(record, json.dumps({key: value for key, value in known.items() if key != "inputs"}))
                self.assertIn("changed since it gave 1 point in ", self.sweep(2, text, output=output).stderr)
                self.write(record, json.dumps(known))
                subprocess.run(["touch", "-d", then, model], check=True)
                self.assertEqual(self.swept(2, text, output=output)["done_before"], 2)
                os.utime(model)
                self.assertEqual(self.swept(2, text, "--overwrite", output=output)["done"], 2)
                self.assertEqual(self.swept(2, text, output=output)["done_before"], 2)
                after = outcomes(self.path(output))
                self.swept(2, text, output="fresh_" + outputs)
                self.assertEqual(after, outcomes(self.path("fresh_" + outputs)))

    def test_an_input_that_was_replaced_after_a_kill_is_noticed(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\n"
        self.swept(0, text)
        os.remove(self.path("swept", "points", "p.json"))
        os.utime(self.path("m0.safetensors"), ns=(0, time.time_ns() + 10**9))
        self.assert_refused(self.sweep(0, text), 3, f"{self.path('swept', 'p')}: was made before {self.path('m0.safetensors')} was changed; name another "
                            "folder, or give --overwrite", "dare-sweep")

    def test_a_failing_disk_loses_nothing_that_is_finished(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3]}\n"
        self.swept(2, text, output="expected")
        process = self.sweep(2, text, **with_fault("pwrite:2:ENOSPC:0", "drop_rate=0.2.partial/model"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("No space left on device", process.stderr)
        self.assertIn("; what is done is kept, the same command again goes on", process.stderr)
        self.assertEqual({row["status"] for row in rows(self.path("swept")).values()}, {"failed"})
        self.assertEqual(self.swept(0, text)["done"], 3)
        self.assert_same(made(self.path("swept")), made(self.path("expected")), "after resume")

    def test_a_sweep_goes_on_within_points_unasked(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n"
        self.swept(2, text, output="expected")
        for more, wanted in (([], "5 blocks noted in its journal, 5 of them stand"), (["--restart"], "made anew")):
            with self.subTest(more=more):
                process = self.sweep(2, text, **with_fault("fsync:2:EIO:0", "drop_rate=0.2.partial/model"))
                self.assertEqual(process.returncode, 1, process.stderr)
                process = self.sweep(0, text, "--log-level", "debug", *more)
                self.assertEqual(process.returncode, 0, process.stderr)
                self.assertIn(wanted, process.stderr)
                self.assert_same(made(self.path("swept")), made(self.path("expected")), "after going on")
                shutil.rmtree(self.path("swept"))

    def test_a_point_that_is_added_costs_the_others_nothing(self):
        # l1 has a pass of its own before the merge.
        points = ["a: {drop_rate: 0.1}", "b: {drop_rate: 0.2, rescale: l1}"]
        text = self.recipe + "points: {" + ", ".join(points) + "}\n"
        more = self.recipe + "points: {" + ", ".join([*points, "c: {drop_rate: 0.3}"]) + "}\n"
        self.swept(2, more, output="expected")
        for np, words in ((1, []), (2, ["--writers", "1"]), (3, ["--writers", "all"])):
            with self.subTest(np=np):
                process = self.sweep(2, text, **with_fault("fsync:2:EIO:0", "b.partial/model"))
                self.assertEqual(process.returncode, 1, process.stderr)
                # One block of one of them is damaged meanwhile: it alone is made again.
                (weights,) = glob.glob(self.path("swept", ".a.partial", "*.safetensors"))
                with open(weights, "r+b") as file:
                    file.seek(-1, os.SEEK_END)
                    file.write(b"\x55")
                self.assertIn(" there by interrupted runs; what of it is finished is not made again\n", self.sweep(0, more, "--plan").stdout)
                process = self.sweep(np, more, "--json", "--log-level", "debug", *words, **with_fault("pwrite:1:EIO", "b.partial/model"))
                self.assertEqual(process.returncode, 0, process.stderr)
                self.assertIn("5 blocks noted in its journal, 4 of them stand on the disk", process.stderr)
                self.assertIn("5 blocks noted in its journal, 5 of them stand on the disk", process.stderr)
                # All of one point, and one block of a single element.
                self.assertEqual(json.loads(process.stdout)["bytes_written"], 2 * (sum(map(count, self.shapes.values())) + 1))
                self.assert_same(made(self.path("swept")), made(self.path("expected")), "after going on")
                shutil.rmtree(self.path("swept"))

    def test_a_group_that_cannot_go_on_says_so_and_the_others_do_the_rest(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3, 0.4]}\n"
        words = ["--groups", "2", "--memory-per-rank", "1MiB"]
        self.swept(2, text, *words, output="expected")
        # Its records cannot take their places.
        process = self.sweep(2, text, *words, **with_fault("rename:1:EIO:1", ".json"))
        self.assertEqual(process.returncode, 1, process.stderr)
        told = own_words(process, "dare-sweep")
        self.assertRegex(told.pop(0), r"^dare-sweep: points drop_rate=0.\d and drop_rate=0.\d: .*json: cannot be replaced: Input/output error$")
        self.assertRegex(told[0], r"^dare-sweep: group 2 of 2 cannot go on, the others do: .*drop_rate=0.\d.json: cannot be replaced: Input/output error$")
        self.assertEqual(told[1], "dare-sweep: 1 of 2 groups could not go on, as was told; the same command again does what they had begun")
        self.assertRegex(process.stdout, r"[123] of 4 points done, 0 by earlier runs, 0 failed")
        self.assertEqual(len(rows(self.path("swept"))), int(process.stdout.split(": ")[1][0]))
        self.swept(2, text, *words)
        for name, row in rows(self.path("expected")).items():
            self.assertEqual((rows(self.path("swept"))[name]["status"], rows(self.path("swept"))[name]["xxh3_128"]), ("done", row["xxh3_128"]), name)
        # No group can.
        process = self.sweep(2, text, *words, output="nothing", **with_fault("rename:1:EIO", ".json"))
        self.assertEqual(process.returncode, 1, process.stderr)
        told = [line for line in own_words(process, "dare-sweep") if not line.startswith("dare-sweep: points ")]
        self.assertEqual([" cannot go on, the others do: " in line for line in told], [True, True, False])
        self.assertTrue(told[-1].endswith("; what is done stands, the same command again does the rest"), told)

    def test_records_on_a_full_disk_leave_no_parts(self):
        text = self.recipe + "grid: {drop_rate: [0.1, 0.2]}\n"
        self.swept(0, text, output="expected")
        process = self.sweep(0, text, **with_fault("pwrite:1:ENOSPC", ".json."))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("No space left on device; what is done stands, the same command again does the rest\n", process.stderr)
        self.assertEqual(sorted(os.listdir(self.path("swept"))), ["drop_rate=0.1", "drop_rate=0.2"])
        self.assertEqual(self.swept(0, text)["done_before"], 2)
        self.assert_same(made(self.path("swept")), made(self.path("expected")), "after a full disk")

    def test_a_killed_sweep_goes_on(self):
        points = "grid: {drop_rate: [0.1, 0.2, 0.3]}\n"
        for lines, ending in (([], ""), (["format: safetensors"], ".safetensors"), (["format: h5"], ".h5"), (["outputs: delta"], ""),
                              (["outputs: delta", "format: h5"], "")):
            with self.subTest(lines=lines):
                text = self.recipe + points + "".join(line + "\n" for line in lines)
                output, expected = f"swept{len(lines)}{ending}", f"expected{len(lines)}{ending}"
                self.swept(2, text, output=expected)
                # After all outputs' renames and before their records.
                process = self.sweep(2, text, output=output, **with_fault("rename:1:KILL:0", ".drop_rate=0.1.json"))
                self.assertNotEqual(process.returncode, 0)
                self.assertTrue(os.path.exists(self.path(output, "drop_rate=0.1" + ending)))
                summary = self.swept(2, text, "--resume", output=output)
                self.assertEqual((summary["done_before"], summary["done"]), (3, 0))
                self.assert_same(made(self.path(output)), made(self.path(expected)), output)
                shutil.rmtree(self.path(output))
                shutil.rmtree(self.path(expected))

    def test_two_sweeps_in_one_folder(self):
        text = self.recipe + "grid: {drop_rate: [0.1]}\n"
        self.write("sweep.yml", text)
        first = subprocess.Popen(command(1, "dare-sweep", self.path("sweep.yml"), self.path("swept")),
                                 env=environment(**with_fault("fsync:1:STOP:0", ".partial")), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            while not os.path.exists(self.path("swept", ".drop_rate=0.1.partial")):
                time.sleep(0.01)
            self.assert_refused(self.sweep(2, text), 3, f"{self.path('swept')}: another sweep is writing there (it holds "
                                f"{self.path('swept', 'points', '.lock')}); wait for it, or name another folder", "dare-sweep")
        finally:
            subprocess.run(["pkill", "-CONT", "-P", str(first.pid)], check=False)
            first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)


if __name__ == "__main__":
    unittest.main()
