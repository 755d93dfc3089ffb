"""A merge that is stopped anywhere goes on with --resume, with any number of ranks, and ends in the same bytes."""

import json
import os
import signal
import subprocess
import time
import unittest

from dare_system import FAULTS, SystemTest, command, contents, environment, own_words, run, with_fault


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
        told = run(0, "dare-merge", *self.merge_words("out.safetensors", "--resume", "--log-level", "debug"), **with_fault("fsync:1:KILL:0", ".partial"))
        self.assertIn("an interrupted run's: 6 blocks noted in its journal, 6 of them stand on the disk", told.stderr)
        summary = self.resumed(3)
        self.assertEqual(summary["blocks_reused"], summary["blocks"])
        uninterrupted = json.loads(run(2, "dare-merge", *self.merge_words("again.safetensors", "--json")).stdout)
        for figure in ("elements_merged", "elements_swallowed"):
            self.assertEqual(summary[figure], uninterrupted[figure])

    def test_manifest_does_not_show_the_interruption(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        self.resumed(1)
        with open(self.path("out.safetensors.manifest.json"), "rb") as mine, open(self.path("expected.safetensors.manifest.json"), "rb") as other:
            self.assertEqual(mine.read(), other.read())

    def test_a_block_that_cannot_be_read_is_done_again(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", "--resume", "--json"), **with_fault("pread:1:EIO:1", ".partial"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertRegex(process.stderr, r"dare-merge: \S+\.partial\.safetensors: reading \d+ bytes at offset \d+: Input/output error; 3 finished blocks cannot be read and "
                                         r"are made again: look at the disk\n")
        self.assertEqual(contents(self.path("out.safetensors"))[""] == self.expected, True)
        self.assertEqual(json.loads(process.stdout)["blocks_reused"], 3)

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
        self.assertEqual(words[0], f"dare-merge: {self.path('out.safetensors')}: " + self.OTHER)
        self.assertEqual(words[1:], ["  recipe.parameters.lambda: 0.25, was 1.0"])
        self.resumed(2)  # what was there is still good

    def test_files_that_go_into_the_output_are_the_same_when_it_goes_on(self):
        os.mkdir(self.path("base"))
        os.rename(self.path("base.safetensors"), self.path("base", "model.safetensors"))
        config = self.path("base", "config.json")
        for number, text in enumerate(('{"eos_token_id": 1}', '{"eos_token_id": 2}')):
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)
            os.utime(config, ns=(0, (1_700_000_000 + number) * 10**9))
            words = ["--base", self.path("base"), "--model", self.path("m0.safetensors"), "--drop-rate", "0.5", self.path("out")]
            process = run(2, "dare-merge", *words, *["--resume"] * number, **with_fault("fsync:2:KILL:0", ".partial/model"))
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertEqual(own_words(process, "dare-merge")[1:], [
            f"  modified.{config}: \"2023-11-14 22:13:21.000000000 UTC\", was \"2023-11-14 22:13:20.000000000 UTC\"",
            "  where a file has the content that it had, `touch -d 'THE FORMER TIME' FILE` lets --resume go on"])
        os.utime(config, ns=(0, 1_700_000_000 * 10**9))
        self.assertEqual(run(2, "dare-merge", *words, "--resume").returncode, 0)
        os.utime(config, ns=(0, time.time_ns() + 10**9))
        self.assert_refused(run(2, "dare-merge", *words, "--resume"), 3, f"{self.path('out')}: is finished, but {config} was changed after that; give "
                                                                         "--overwrite to make it anew, or name another output")

    OTHER = ("an interrupted run of another recipe, program or inputs did 6 of 6 blocks there; name another output, or give --restart, which removes "
             "them and begins anew; what differs:")

    def test_finished_blocks_do_not_go_unasked(self):
        output = self.path("out.safetensors")
        self.interrupted("fsync:2:KILL:0", ".partial")
        left = self.hidden()
        for more in ([], ["--overwrite"], ["--plan"], ["--hash-inputs"]):
            with self.subTest(more=more):
                self.assert_refused(run(0 if more else 2, "dare-merge", *self.merge_words("out.safetensors", *more)), 3,
                                    f"{output}: an interrupted run did 6 of 6 blocks; --resume goes on with them, --restart removes them and begins anew")
        self.assert_refused(run(2, "dare-merge", *self.merge_words("out.safetensors", "--lambda", "0.25")), 3,
                            f"{output}: {self.OTHER}\n  recipe.parameters.lambda: 0.25, was 1.0")
        self.assertEqual(self.hidden(), left)
        plan = run(0, "dare-merge", *self.merge_words("out.safetensors", "--plan", "--resume"))
        self.assertEqual(plan.returncode, 0, plan.stderr)
        self.assertEqual(plan.stderr, f"dare-merge: {output}: goes on where an interrupted run stopped, with 6 of 6 blocks done\n")
        self.assertEqual(self.hidden(), left)
        self.resumed(2)

    def plan(self, *words):
        process = run(0, "dare-merge", *self.merge_words("out.safetensors", "--plan", *words))
        self.assertEqual(process.returncode, 0, process.stderr)
        return process

    def test_a_plan_to_resume_tells_what_is_left(self):
        whole = json.loads(self.plan("--json").stdout)
        self.assertEqual((whole["blocks"], whole["blocks_to_do"]), (6, 6))
        self.interrupted("fsync:2:KILL:0", ".partial")
        with open(self.path(".out.safetensors.journal"), "r+b") as journal:  # as if killed before the last two blocks
            journal.seek(-2 * 64, os.SEEK_END)
            journal.write(bytes(2 * 64))
        before = self.hidden()
        left = json.loads(self.plan("--resume", "--json").stdout)
        text = self.plan("--resume", "--ranks", "2")
        self.assertEqual(self.hidden(), before)
        self.assertEqual(text.stderr, f"dare-merge: {self.path('out.safetensors')}: goes on where an interrupted run stopped, with 4 of 6 blocks done\n")
        self.assertEqual((left["blocks"], left["blocks_to_do"]), (6, 2))
        self.assertIn("\nblocks           2 of 6 to do, of 1048576 elements\n", text.stdout)
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", "--resume", "--json"))
        summary = json.loads(process.stdout)
        self.assertEqual((summary["bytes_read"], summary["bytes_written"]), (left["bytes_read"], left["bytes_written"]))
        self.assertLess(left["bytes_read"], whole["bytes_read"])
        self.assertLess(left["bytes_written"], whole["bytes_written"])
        # Finished: nothing is left, and an output of another merge is refused as the run would.
        finished = self.plan("--resume", "--json")
        self.assertEqual(finished.stderr, f"dare-merge: {self.path('out.safetensors')}: finished already, nothing to do\n")
        self.assertEqual([json.loads(finished.stdout)[key] for key in ("blocks_to_do", "bytes_read", "bytes_written")], [0, 0, 0])
        other = run(0, "dare-merge", *self.merge_words("out.safetensors", "--plan", "--resume", "--lambda", "0.25"))
        self.assertEqual(other.returncode, 3, other.stderr)
        self.assertIn("is finished, but of another merge", other.stderr)

    def test_restart_begins_anew(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", "--restart", "--json"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(json.loads(process.stdout)["blocks_reused"], 0)
        self.assertEqual(contents(self.path("out.safetensors"))[""] == self.expected, True)
        self.assertEqual(self.hidden(), [])
        both = run(0, "dare-merge", *self.merge_words("out.safetensors", "--restart", "--resume"))
        self.assert_refused(both, 2, "--resume goes on with what is done, --restart removes it; give one of them")

    def test_restart_takes_the_place_of_another_merge(self):
        self.interrupted("fsync:2:KILL:0", ".partial")
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", "--restart", "--lambda", "0.25"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(contents(self.path("out.safetensors"))[""] == self.expected, False)

    def test_a_run_that_finished_no_block_leaves_nothing_to_ask_about(self):
        self.interrupted("pwrite:2:KILL:0", ".partial", np=1)
        process = run(2, "dare-merge", *self.merge_words("out.safetensors"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(contents(self.path("out.safetensors"))[""] == self.expected, True)

    def test_a_view_or_a_delta_does_not_take_the_place_of_finished_blocks_unasked(self):
        self.interrupted("fsync:2:KILL:0", ".partial.h5", output="out.h5")
        kept = f"{self.path('out.h5')}: an interrupted run of another kind did 6 of 6 blocks there; name another output, or give --restart, which removes them"
        for more in (["--link"], ["--delta", "--base", self.path("base.safetensors"), "--drop-rate", "0.5"]):
            with self.subTest(more=more):
                words = [self.path("m0.safetensors"), self.path("out.h5"), *more]
                self.assert_refused(run(0, "dare-convert", *words), 3, kept, "dare-convert")
                self.assert_refused(run(0, "dare-convert", *words, *(["--resume"] if "--delta" in more else [])), 3, kept, "dare-convert")
        done = run(0, "dare-convert", *words, "--restart")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.hidden(), [])

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

    def test_a_finished_output_whose_files_beside_the_weights_would_be_others(self):
        os.mkdir(self.path("b"))
        os.rename(self.path("base.safetensors"), self.path("b", "model.safetensors"))
        files = {"config.json": "{}", "tokenizer.json": "{}"}

        def put(name, text):
            with open(self.path("b", name), "w") as file:
                file.write(text)
            os.utime(self.path("b", name), ns=(0, 0))

        for name, text in files.items():
            put(name, text)
        for output in ("folder", "one.h5"):
            for hashes in ([], ["--hash-inputs"]):
                words = ["--base", self.path("b"), "--model", self.path("m0.safetensors"), "--drop-rate", "0.5", self.path(output), *hashes]
                self.assertEqual(run(0, "dare-merge", *words, "--overwrite").returncode, 0)
                for name, text in (("tokenizer.json", '{"a": 1}'), ("tokenizer.json", None), ("merges.txt", "a b")):
                    os.remove(self.path("b", name)) if text is None else put(name, text)
                    self.assert_refused(run(2, "dare-merge", *words, "--resume"), 3, f"{self.path(output)}: is finished, but {name} beside the weights of "
                                        f"{self.path('b')} is not what it was then; give --overwrite to make it anew, or name another output")
                    os.remove(self.path("b", name)) if name not in files else put(name, files[name])
                self.assertIn("finished already, nothing to do", run(2, "dare-merge", *words, "--resume").stderr)

    def test_a_finished_output_that_lost_bytes_is_no_finished_one(self):
        output = self.path("expected.safetensors")
        os.truncate(output, len(self.expected) - 1)
        process = run(2, "dare-merge", *self.merge_words("expected.safetensors", "--resume"))
        self.assert_refused(process, 3, f"{output}: its manifest is of this merge, but files of it are missing or short; give --overwrite to make it anew")
        self.resumed(2, "--overwrite", output="expected.safetensors")

    def test_resume_without_anything_to_resume_is_a_merge(self):
        self.assertEqual(self.resumed(2)["blocks_reused"], 0)

    def test_two_jobs_on_one_output(self):
        nfs = {"LD_PRELOAD": FAULTS, "DARE_FAULT_NFS": 1}
        first = subprocess.Popen(command(1, "dare-merge", *self.merge_words("out.safetensors")),
                                 env=environment(**{**nfs, **with_fault("fsync:1:STOP:0", ".partial")}), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            while not os.path.exists(self.path(".out.safetensors.partial.safetensors")):
                time.sleep(0.01)
            for np, env, more in ((2, {}, []), (2, {}, ["--resume"]), (2, {}, ["--restart"]), (2, {}, ["--plan"]), (0, nfs, []), (0, nfs, ["--resume"]),
                                  (0, nfs, ["--plan"])):
                second = run(np, "dare-merge", *self.merge_words("out.safetensors", *more), **env)
                self.assert_refused(second, 3, f"{self.path('out.safetensors')}: another run is writing this output (it holds "
                                               f"{self.path('.out.safetensors.journal')}); wait for it, or name another output")
        finally:
            subprocess.run(["pkill", "-CONT", "-P", str(first.pid)], check=False)
            first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(contents(self.path("out.safetensors"))[""], self.expected)

    def test_only_what_is_left_is_surveyed_and_counted(self):
        """Methods with passes before the merge: each pass reads what has a block to do, and the summary says what was read."""
        tensors = sum(os.path.getsize(self.path(name)) for name in ("base.safetensors", "m0.safetensors", "m1.safetensors"))
        whole = run(2, "dare-merge", *self.ties("ties.safetensors", "--json"))
        self.assertEqual(whole.returncode, 0, whole.stderr)
        summary = json.loads(whole.stdout)
        plan = json.loads(run(0, "dare-merge", *self.ties("plan.safetensors", "--plan", "--json")).stdout)
        self.assertEqual(summary["bytes_read"], plan["bytes_read"])
        self.assertGreater(summary["bytes_read"], 3 * (tensors - 4096))  # some passes, then the merge
        for np, fault, done in ((2, "fsync:2:KILL:0", True), (1, "pwrite:14:USR1:0", False)):
            output = f"out{done}.safetensors"
            killed = run(np, "dare-merge", *self.ties(output, "--writers", "all"), **with_fault(fault, ".partial"))
            self.assertNotEqual(killed.returncode, 0)
            # Rank 1 reads no header: its first look at a model is the survey's or the merge's.
            again = run(2, "dare-merge", *self.ties(output, "--resume", "--json"), **(with_fault("pread:1:EIO:1", "m0") if done else {}))
            self.assertEqual(again.returncode, 0, again.stderr)
            resumed = json.loads(again.stdout)
            if done:
                self.assertEqual((resumed["bytes_read"], resumed["bytes_written"]), (0, 0))
            else:
                self.assertIn(resumed["blocks_reused"], range(1, resumed["blocks"]))
                self.assertLess(resumed["bytes_written"], summary["bytes_written"])
                self.assertLess(resumed["bytes_read"], summary["bytes_read"])
            self.assertEqual(contents(self.path(output)) == contents(self.path("ties.safetensors")), True)

    def ties(self, output, *more):
        models = [word for number in (0, 1) for word in ("--model", self.path(f"m{number}.safetensors"))]
        return ["--base", self.path("base.safetensors"), *models, "--method", "ties", "--density", "0.5", *more, self.path(output)]


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
                process = run(0, "dare-merge", *words, **with_fault(f"pread:30:{name}:0", "m0"))
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

    def test_a_signal_while_the_recipe_is_waited_for(self):
        os.mkfifo(self.path("pipe.yml"))
        for np, number in ((0, signal.SIGTERM), (0, signal.SIGINT), (0, signal.SIGUSR1), (3, signal.SIGUSR1)):
            with self.subTest(np=np, signal=number):
                process = subprocess.Popen(command(np, "dare-merge", self.path("pipe.yml"), self.path("out.safetensors")), env=environment(),
                                           stderr=subprocess.PIPE, text=True)
                writer = os.open(self.path("pipe.yml"), os.O_WRONLY)  # waits for its reader, which then waits for words
                process.send_signal(number)
                said = process.communicate(timeout=60)[1]
                self.assertEqual(said.count("dare-merge: stopped by a signal before any work; nothing was begun, run it again\n"), 1, said)
                self.assertEqual(process.returncode, 75)
                os.close(writer)
        self.assertEqual(self.hidden(), [])

    def test_a_signal_while_inputs_are_hashed_or_finished_blocks_checked(self):
        self.make_family(models=1)
        words = self.merge_words("out.safetensors", "--hash-inputs", models=1)
        process = run(2, "dare-merge", *words, **with_fault("pread:3:USR1:1", "m0"))
        self.assert_refused(process, 75, "stopped by signal 10 (SIGUSR1) while the inputs were hashed; nothing has been done, run it again")
        self.assertEqual(self.hidden(), [])
        killed = run(0, "dare-merge", *words, **with_fault("fsync:2:KILL:0", ".partial"))
        self.assertNotEqual(killed.returncode, 0)
        words = [*words[:-1], "--resume", words[-1]]
        process = run(2, "dare-merge", *words, **with_fault("pread:3:USR1:1", ".partial"))
        self.assertEqual(process.returncode, 75, process.stderr)
        self.assertEqual(own_words(process, "dare-merge")[-1], "dare-merge: stopped by signal 10 (SIGUSR1) while the finished blocks of the interrupted run "
                                                               "were checked; the same command goes on")
        again = run(2, "dare-merge", *words, "--json")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(json.loads(again.stdout)["blocks_reused"], 128)

    def test_a_signal_in_the_passes_before_the_merge(self):
        self.make_family(models=1)
        words = ["--base", self.path("base.safetensors"), "--model", self.path("m0.safetensors"), "--method", "ties", "--density", "0.5"]
        process = run(2, "dare-merge", *words, self.path("out.safetensors"), **with_fault("pread:9:TERM:1", "m0"))
        self.assert_refused(process, 75, "stopped by signal 15 (SIGTERM) in the passes before the merge; the same command with --resume goes on")


if __name__ == "__main__":
    unittest.main()
