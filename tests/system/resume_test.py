"""A merge that is stopped anywhere goes on with --resume, with any number of ranks, and ends in the same bytes."""

import json
import os
import signal
import subprocess
import time
import unittest

from dare_system import SystemTest, command, contents, environment, own_words, run, with_fault


class Resume(SystemTest):
    def setUp(self):
        super().setUp()
        self.make_family()
        done = run(2, "dare-merge", *self.merge_words("expected.safetensors"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expected = contents(self.path("expected.safetensors"))[""]

    def interrupted(self, fault, path, np=2, output="out.safetensors", writers="all"):
        """A run that a SIGKILL ends, and nothing at OUTPUT's place."""
        process = run(np, "dare-merge", *self.merge_words(output, "--writers", writers), **with_fault(fault, path))
        self.assertNotEqual(process.returncode, 0)
        self.assertFalse(os.path.exists(self.path(output)))

    def resumed(self, np, *more, output="out.safetensors"):
        process = run(np, "dare-merge", *self.merge_words(output, "--resume", "--json", *more))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(contents(self.path(output)).get("", b"") == self.expected, True)
        self.assertEqual(self.hidden(), [])
        return json.loads(process.stdout)

    def test_killed_at_every_kind_of_step(self):
        steps = [("pread:3:KILL:1", "m1"), ("pwrite:2:KILL:0", ".partial"), ("pwrite:9:KILL:1", ".partial"), ("fsync:1:KILL:0", ".partial"),
                 ("pwrite:1:KILL:0", ".journal"), ("pwrite:1:KILL:1", ".journal"), ("ftruncate:1:KILL:0", ".partial"), ("rename:1:KILL:0", "manifest"),
                 ("rename:1:KILL:0", ".partial.safetensors")]
        for number, (fault, path) in enumerate(steps):
            with self.subTest(fault=fault, path=path):
                output = f"out{number}.safetensors"
                self.interrupted(fault, path, output=output)
                self.resumed(1 + number % 3, output=output)

    def test_finished_blocks_are_not_done_again(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        summary = self.resumed(3)
        self.assertEqual(summary["blocks_reused"], summary["blocks"])

    def test_manifest_does_not_show_the_interruption(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        self.resumed(1)
        with open(self.path("out.safetensors.manifest.json"), "rb") as mine, open(self.path("expected.safetensors.manifest.json"), "rb") as other:
            self.assertEqual(mine.read(), other.read())

    def test_a_block_damaged_meanwhile_is_done_again(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        with open(self.path(".out.safetensors.partial.safetensors"), "r+b") as file:
            file.seek(-100, os.SEEK_END)
            file.write(b"\x55" * 50)
        summary = self.resumed(2)
        self.assertLess(summary["blocks_reused"], summary["blocks"])

    def test_another_merge_is_refused_by_what_differs(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", "--resume")[:-1], "--lambda", "0.25", self.path("out.safetensors"))
        self.assertEqual(process.returncode, 3, process.stderr)
        words = own_words(process, "dare-merge")
        self.assertEqual(words[0], f"dare-merge: {self.path('out.safetensors')}: the interrupted run there was another one, --resume cannot continue it:")
        self.assertIn("recipe.", words[1])
        self.assertIn("0.25", words[1])
        self.assertEqual(words[-1], "  run without --resume to start afresh")
        self.resumed(2)  # what was there is still good

    def test_without_resume_it_starts_afresh_and_says_so(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        process = run(2, "dare-merge", *self.merge_words("out.safetensors"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("what an interrupted run left is removed; --resume would have continued it", process.stderr)
        self.assertEqual(contents(self.path("out.safetensors"))[""], self.expected)

    def test_resume_of_a_finished_merge_does_nothing(self):
        before = os.stat(self.path("expected.safetensors")).st_mtime_ns
        process = run(2, "dare-merge", *self.merge_words("expected.safetensors", "--resume"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("finished already, nothing to do", process.stderr)
        self.assertEqual(os.stat(self.path("expected.safetensors")).st_mtime_ns, before)
        summary = self.resumed(2, output="expected.safetensors")
        self.assertEqual((summary["blocks_reused"], summary["bytes_read"], summary["bytes_written"]), (summary["blocks"], 0, 0))
        self.assertEqual(os.stat(self.path("expected.safetensors")).st_mtime_ns, before)

    def test_a_finished_output_of_another_merge_is_refused_by_what_differs(self):
        process = run(2, "dare-merge", *self.merge_words("expected.safetensors", "--resume", "--lambda", "0.25"))
        output = self.path("expected.safetensors")
        self.assert_refused(process, 3, f"{output}: is finished, but of another merge; --resume cannot take it for this one:\n"
                                        "  recipe.parameters.lambda: 0.25, was 1.0\n  name another output, or give --overwrite")
        self.assertEqual(contents(output)[""], self.expected)
        again = run(2, "dare-merge", *self.merge_words("expected.safetensors", "--resume", "--overwrite", "--lambda", "0.25"))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertNotEqual(contents(output)[""] == self.expected, True)

    def test_a_finished_output_that_lost_bytes_is_no_finished_one(self):
        output = self.path("expected.safetensors")
        os.truncate(output, len(self.expected) - 1)
        process = run(2, "dare-merge", *self.merge_words("expected.safetensors", "--resume"))
        self.assert_refused(process, 3, f"{output}: its manifest is of this merge, but files of it are missing or short; give --overwrite to make it anew")
        self.resumed(2, "--overwrite", output="expected.safetensors")

    def test_resume_without_anything_to_resume_is_a_merge(self):
        self.assertEqual(self.resumed(2)["blocks_reused"], 0)

    def test_two_jobs_on_one_output(self):
        first = subprocess.Popen(command(1, "dare-merge", *self.merge_words("out.safetensors")),
                                 env=environment(**with_fault("fsync:1:STOP:0", ".partial")), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            while not os.path.exists(self.path(".out.safetensors.partial.safetensors")):
                time.sleep(0.01)
            second = run(2, "dare-merge", *self.merge_words("out.safetensors"))
            self.assert_refused(second, 3, f"{self.path('out.safetensors')}: another run is writing this output (it holds "
                                           f"{self.path('.out.safetensors.journal')}); wait for it, or name another output")
        finally:
            subprocess.run(["pkill", "-CONT", "-P", str(first.pid)], check=False)
            first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(contents(self.path("out.safetensors"))[""], self.expected)


class Signals(SystemTest):
    # Some slices, and blocks in each: a signal is noticed amid one.
    shapes = {f"layer.{number}.weight": [4096, 8192] for number in range(4)}

    def test_signals_end_with_75_and_resume_goes_on(self):
        self.make_family(models=1)
        words = self.merge_words("out.safetensors", "--writers", "all", models=1)
        expected = run(2, "dare-merge", *self.merge_words("expected.safetensors", models=1))
        self.assertEqual(expected.returncode, 0, expected.stderr)
        for name, number in (("USR1", signal.SIGUSR1), ("INT", signal.SIGINT), ("TERM", signal.SIGTERM)):
            with self.subTest(signal=name):
                process = run(1, "dare-merge", *words, **with_fault(f"pread:30:{name}:0", "m0"))
                self.assertEqual(process.returncode, 75, process.stderr)
                self.assertRegex(own_words(process, "dare-merge")[-1],
                                 rf"^dare-merge: stopped by signal {int(number)} \(SIG{name}\) after \d+ of 128 blocks of this run; "
                                 r"the same command with --resume goes on from there$")
                self.assertFalse(os.path.exists(self.path("out.safetensors")))
                resumed = run(2, "dare-merge", *words[:-1], "--resume", "--json", words[-1])
                self.assertEqual(resumed.returncode, 0, resumed.stderr)
                self.assertIn(json.loads(resumed.stdout)["blocks_reused"], range(1, 16))
                self.assertEqual(contents(self.path("out.safetensors")) == contents(self.path("expected.safetensors")), True)
                os.remove(self.path("out.safetensors"))
                os.remove(self.path("out.safetensors.manifest.json"))


if __name__ == "__main__":
    unittest.main()
