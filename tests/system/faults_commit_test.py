"""Kills at every rename that puts an output in its place: what stands there is never taken for another run's, and --resume ends in the right
bytes with nothing left beside them."""

import os
import shutil
import signal
import subprocess
import time
import unittest

from dare_system import SystemTest, command, contents, environment, random_model, run, with_fault, write_safetensors

FORMS = ("out.safetensors", "out.h5", "out")
KEPT = "; what is done is kept: the same command with --resume puts it there once the place is free, or with --overwrite"


class Commit(SystemTest):
    shapes = {"a.weight": [1100, 1024], "b.weight": [64]}

    def setUp(self):
        super().setUp()
        self.make_family(models=1)

    def merge(self, output, *more, np=0, **env):
        return run(np, "dare-merge", *self.merge_words(output, *more, models=1), **env)

    def merged(self, output, *more):
        process = self.merge(output, *more)
        self.assertEqual(process.returncode, 0, process.stderr)
        return self.whole(output)

    def whole(self, output):
        """The output's files, its manifest among them."""
        found = contents(self.path(output))
        if os.path.exists(self.path(output + ".manifest.json")):
            found["manifest"] = contents(self.path(output + ".manifest.json"))[""]
        return found

    def remove(self, output):
        for name in os.listdir(self.folder):
            if name.lstrip(".").startswith(output.split(".")[0] + ".") or name == output:
                path = self.path(name)
                if os.path.isdir(path):
                    shutil.rmtree(path)
                else:
                    os.remove(path)

    def killed_at_every_rename(self, output, *more, old=None, **env):
        """Yields after each kill; at least one must have come."""
        for number in range(1, 9):
            self.remove(output)
            if old is not None:
                self.merged(output, *old)
            process = self.merge(output, *more, **with_fault(f"rename:{number}:KILL:0", "out"), **env)
            if process.returncode == 0:
                self.assertGreater(number, 1)
                return
            self.assertEqual(process.returncode, -signal.SIGKILL, process.stderr)
            yield number
        self.fail("more renames than a commit has")

    def test_of_a_replacement(self):
        for output in FORMS:
            expected = self.merged(output)
            for env in ({}, {"DARE_FAULT_NFS": 1}):
                for _ in self.killed_at_every_rename(output, "--overwrite", old=("--lambda", "0.25"), **env):
                    resumed = self.merge(output, "--resume", **env)
                    if resumed.returncode == 0:
                        self.assertEqual(self.whole(output) == expected, True, resumed.stderr)
                    else:
                        self.assertEqual(resumed.returncode, 3, resumed.stderr)
                        self.assertRegex(resumed.stderr, "exists; name another|is finished, but of another merge")
                    again = self.merge(output, "--resume", "--overwrite", **env)
                    self.assertEqual(again.returncode, 0, again.stderr)
                    self.assertEqual(self.whole(output) == expected, True)
                    self.assertEqual(self.hidden(), [])

    def test_of_a_new_output(self):
        for output in FORMS:
            expected = self.merged(output)
            for env in ({}, {"DARE_FAULT_NFS": 1}):
                for _ in self.killed_at_every_rename(output, **env):
                    again = self.merge(output, "--resume", **env)
                    self.assertEqual(again.returncode, 0, again.stderr)
                    self.assertEqual(self.whole(output) == expected, True)
                    self.assertEqual(self.hidden(), [])

    def test_of_a_new_output_begun_anew_by_another_recipe(self):
        for output in FORMS:
            expected = self.merged(output, "--lambda", "0.25")
            for _ in self.killed_at_every_rename(output):
                again = self.merge(output, "--restart", "--lambda", "0.25")
                self.assertEqual(again.returncode, 0, again.stderr)
                self.assertEqual(self.whole(output) == expected, True)
                self.assertEqual(self.hidden(), [])

    def test_of_a_new_output_whose_name_alone_was_made(self):
        for output, empty in (("out.safetensors", "file"), ("out", "folder")):
            expected = self.merged(output)
            self.remove(output)
            killed = self.merge(output, **with_fault("rename:1:KILL:0", ".partial"))
            self.assertEqual(killed.returncode, -signal.SIGKILL)
            if empty == "file":
                with open(self.path(output), "w", encoding="utf-8"), open(self.path(output + ".manifest.json"), "w", encoding="utf-8"):
                    pass
            else:
                os.mkdir(self.path(output))
            again = self.merge(output, "--resume")
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(self.whole(output) == expected, True)
            self.assertEqual(self.hidden(), [])

    def test_an_empty_folder_of_someone_else_is_an_output_that_exists(self):
        os.mkdir(self.path("out"))
        self.assert_refused(self.merge("out", "--resume"), 3, f"{self.path('out')}: exists; name another output, or give --overwrite")

    def test_a_manifest_without_its_output(self):
        for output in FORMS[:2]:
            expected = self.merged(output)
            os.remove(self.path(output))
            manifest = self.path(output + ".manifest.json")
            for more in ([], ["--resume"], ["--restart"]):
                self.assert_refused(self.merge(output, *more), 3, f"{manifest}: exists, without the output that it is the manifest of; remove it, name "
                                                                  "another output, or give --overwrite")
            self.assertEqual(self.hidden(), [])
            self.assertEqual(self.merged(output, "--overwrite") == expected, True)

    def test_a_place_taken_meanwhile_costs_no_work(self):
        for output, taken in (("out.safetensors", "out.safetensors.manifest.json"), ("out.h5", "out.h5"), ("out", "out")):
            with self.subTest(taken=taken):
                process = subprocess.Popen(command(0, "dare-merge", *self.merge_words(output, models=1)), stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                                           env=environment(**with_fault("ftruncate:1:STOP:0", ".partial")), text=True)
                try:
                    while os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT) is None:
                        time.sleep(0.01)
                    with open(self.path(taken), "w", encoding="utf-8") as file:
                        file.write("someone else's")
                finally:
                    os.kill(process.pid, signal.SIGCONT)
                    _, errors = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 3, errors)
                self.assertEqual(errors, f"dare-merge: {self.path(taken)}: exists already; name another output, or replace it with --overwrite{KEPT}\n")
                os.remove(self.path(taken))
                self.assertFalse(os.path.exists(self.path(output + ".manifest.json")))  # someone else's output would be taken for this one
                again = self.merge(output, "--resume", "--json")
                self.assertEqual(again.returncode, 0, again.stderr)
                self.assertIn('"blocks_reused": 3', again.stdout)
                self.assertEqual(self.hidden(), [])

    def test_what_was_trained_again_is_not_finished(self):
        for output in FORMS:
            before = self.merged(output)
            write_safetensors(self.path("m0.safetensors"), random_model(self.shapes, f"again for {output}"), {"format": "pt"})
            self.assert_refused(self.merge(output, "--resume"), 3, f"{self.path(output)}: is finished, but {self.path('m0.safetensors')} was changed after "
                                                                   "that; give --overwrite to make it anew, or name another output")
            self.assertEqual(self.whole(output) == before, True)
            after = self.merged(output, "--resume", "--overwrite")
            self.assertEqual(after == before, False)
            self.assertEqual(self.merged(output, "--resume") == after, True)

    def test_contents_say_that_nothing_was_changed(self):
        self.merged("out", "--hash-inputs")
        os.utime(self.path("m0.safetensors"))
        self.merged("out", "--hash-inputs", "--resume")

    def test_an_hdf5_file_that_lost_bytes_is_not_finished(self):
        expected = self.merged("out.h5")
        os.truncate(self.path("out.h5"), os.path.getsize(self.path("out.h5")) - 1)
        self.assert_refused(self.merge("out.h5", "--resume"), 3, f"{self.path('out.h5')}: its manifest is of this merge, but files of it are missing or "
                                                                 "short; give --overwrite to make it anew")
        self.assertEqual(self.merged("out.h5", "--resume", "--overwrite") == expected, True)

    def test_what_a_kill_left_beside_a_finished_output_goes(self):
        for output in FORMS:
            self.merge(output, **with_fault("rename:1:KILL:0", ".partial"))
            journal = self.path(f".{output}.journal")
            shutil.copy(journal, self.path("copy"))
            expected = self.merged(output, "--resume")
            shutil.copy(self.path("copy"), journal)
            if output == "out":  # that one may be an old output, exchanged with the new one
                shutil.copytree(self.path("out"), self.path(".out.partial"))
            self.assertEqual(self.merged(output, "--resume") == expected, True)
            self.assertEqual(self.hidden(), [])

    def test_a_name_too_long_for_what_stands_beside_it(self):
        name = "o" * 231 + ".h5"
        self.assert_refused(self.merge(name), 2, f"{self.path(name)}: its name has 234 bytes; with what is added to the names of the files beside it that "
                                                 "is 257, and 255 are possible there; give a name of 232 at most")
        self.assertEqual(self.hidden(), [])
        self.merged("o" * 229 + ".h5")


if __name__ == "__main__":
    unittest.main()
