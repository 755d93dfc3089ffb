"""Faults in the middle of a merge: all ranks end with one message and exit code 1, OUTPUT is not there, and --resume ends in the right bytes."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from dare_system import SystemTest, command, contents, environment, own_words, run, with_fault

OLD = "\x08" + 7 * "\0" + "{}      an old output"  # how a safetensors file begins
GOES_ON = "; what is done is kept, the same command with --resume goes on"


class Faults(SystemTest):
    shapes = {"a.weight": [1500, 2048], "b.weight": [64]}

    def setUp(self):
        super().setUp()
        self.make_family(models=1)
        done = run(0, "dare-merge", *self.merge_words("expected.safetensors", models=1))
        self.assertEqual(done.returncode, 0, done.stderr)

    def fails(self, fault, path, message, np=2, resumable=True, output="out.safetensors", expected="expected.safetensors"):
        process = run(np, "dare-merge", *self.merge_words(output, "--writers", "all", models=1), **with_fault(fault, path))
        self.assertEqual(process.returncode, 1, process.stderr)
        words = own_words(process, "dare-merge")
        self.assertEqual(len(words), 1, process.stderr)
        self.assertRegex(words[0], "^dare-merge: " + message.replace("DIR", self.folder) + "$")
        self.assertFalse(os.path.exists(self.path(output)))
        self.assertEqual(self.hidden() != [], resumable)
        again = run(3, "dare-merge", *self.merge_words(output, "--resume", models=1))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(contents(self.path(output)) == contents(self.path(expected)), True)
        self.assertEqual(self.hidden(), [])
        if os.path.isdir(self.path(output)):
            shutil.rmtree(self.path(output))
        else:
            os.remove(self.path(output))
            os.remove(self.path(output + ".manifest.json"))

    def test_reading(self):
        for rank in (0, 1):
            self.fails(f"pread:5:EIO:{rank}", "m0.safe", r"DIR/m0.safetensors: reading \d+ bytes at offset \d+: Input/output error" + GOES_ON)

        self.fails("pread:4:EIO:0", "base.safe", r"DIR/base.safetensors: reading \d+ bytes at offset \d+: Input/output error" + GOES_ON)

    def test_the_last_of_five_ranks_alone(self):
        self.fails("pread:1:EIO:4", "m0.safe", r"DIR/m0.safetensors: reading \d+ bytes at offset \d+: Input/output error" + GOES_ON, np=5)

    def test_other_forms_of_output(self):
        for output, file in (("out.h5", ".out.h5.partial.h5"), ("out", ".out.partial/model.safetensors")):
            expected = output.replace("out", "expected")
            done = run(0, "dare-merge", *self.merge_words(expected, models=1))
            self.assertEqual(done.returncode, 0, done.stderr)
            with self.subTest(output=output):
                self.fails("pwrite:2:ENOSPC:1", file, rf"DIR/{file}: writing \d+ bytes at offset \d+: No space left on device" + GOES_ON,
                           output=output, expected=expected)
                self.fails("fsync:1:EIO:1", file, f"DIR/{file}: fsync: Input/output error" + GOES_ON, output=output, expected=expected)
                root = file.split("/")[0]
                self.fails("rename:1:EIO:0", root, f"DIR/{root}: cannot rename to DIR/{output}: Input/output error" + GOES_ON,
                           output=output, expected=expected)

    def test_no_locks_are_told_once(self):
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", models=1), **with_fault("flock:1:ENOLCK:0", ".journal"))
        self.assertEqual(process.returncode, 0, process.stderr)
        words = [line for line in own_words(process, "dare-merge") if "probably not trained from this base" not in line]  # the models are random
        self.assertEqual(words, [f"dare-merge: {self.path('.out.safetensors.journal')}: no locks on this file system: see to it "
                                 "that no second run writes this output"])

    def test_writing(self):
        self.fails("pwrite:3:ENOSPC:1", ".partial", r"DIR/.out.safetensors.partial.safetensors: writing \d+ bytes at offset \d+: "
                                                    "No space left on device" + GOES_ON)
        self.fails("pwrite:3:EDQUOT:0", ".partial", r"DIR/.out.safetensors.partial.safetensors: writing \d+ bytes at offset \d+: "
                                                    "Disk quota exceeded" + GOES_ON)

    def test_making_the_file(self):
        self.fails("ftruncate:1:ENOSPC:0", ".partial", r"DIR/.out.safetensors.partial.safetensors: cannot be made \d+ bytes long: "
                                                       "No space left on device", resumable=False)

    def test_the_journal(self):
        self.fails("pwrite:1:EIO:1", ".journal", r"DIR/.out.safetensors.journal: writing \d+ bytes at offset \d+: Input/output error" + GOES_ON)

    def test_fsync(self):
        self.fails("fsync:1:EIO:1", ".partial", "DIR/.out.safetensors.partial.safetensors: fsync: Input/output error" + GOES_ON)

    def test_renaming(self):
        self.fails("rename:1:EIO:0", "partial.manifest", "DIR/.out.safetensors.partial.manifest.json: cannot rename to "
                                                         "DIR/out.safetensors.manifest.json: Input/output error" + GOES_ON)
        self.fails("rename:1:EIO:0", ".partial.safetensors", "DIR/.out.safetensors.partial.safetensors: cannot rename to DIR/out.safetensors: "
                                                             "Input/output error" + GOES_ON)

    def test_an_old_output_stays_until_the_rename(self):
        with open(self.path("out.safetensors"), "w", encoding="utf-8") as file:
            file.write(OLD)
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", "--overwrite", models=1), **with_fault("fsync:2:EIO:0", ".partial"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertEqual(contents(self.path("out.safetensors"))[""], OLD.encode())
        again = run(2, "dare-merge", *self.merge_words("out.safetensors", "--overwrite", "--resume", models=1))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(contents(self.path("out.safetensors")) == contents(self.path("expected.safetensors")), True)

    def test_input_truncated_while_it_is_read(self):
        process = run(2, "dare-merge", *self.merge_words("out.safetensors", models=1), **with_fault("pread:5:TRUNCATE:0", "m0.safe"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertRegex(own_words(process, "dare-merge")[0], rf"^dare-merge: {self.path('m0.safetensors')}: ends at \d+, \d+ bytes wanted at offset "
                                                              r"\d+; it was truncated while in use")
        self.assertFalse(os.path.exists(self.path("out.safetensors")))

    def test_input_changed_after_its_header_was_read(self):
        process = subprocess.Popen(command(0, "dare-merge", *self.merge_words("out.safetensors", models=1)),
                                   env=environment(**with_fault("ftruncate:1:STOP:0", ".partial")), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            while os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT) is None:
                pass
            size = os.path.getsize(self.path("m0.safetensors"))
            with open(self.path("m0.safetensors"), "r+b") as file:
                file.seek(-2, os.SEEK_END)
                file.write(b"\0\0")
        finally:
            os.kill(process.pid, signal.SIGCONT)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, errors)
        self.assertEqual(errors.split("\n-----", 1)[0].strip(),
                         f"dare-merge: {self.path('m0.safetensors')}: changed while it was read ({size} bytes now, {size} before); "
                         "run it again when the file is at rest")
        self.assertEqual(self.hidden(), [])
        self.assertFalse(os.path.exists(self.path("out.safetensors")))

    def test_a_full_disk(self):
        disk = tempfile.mkdtemp(prefix="dare-full.")
        self.addCleanup(os.rmdir, disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], capture_output=True, check=False).returncode != 0:
            self.skipTest("mounting a small file system is not allowed here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        words = self.merge_words("x", models=1)[:-1]
        process = run(2, "dare-merge", *words, os.path.join(disk, "out.safetensors"))
        self.assert_refused(process, 3, f"{disk}/out.safetensors: needs 6.14 MB (6144128 bytes), 4.19 MB are free there; make room or write elsewhere")
        self.assertEqual(os.listdir(disk), [])


if __name__ == "__main__":
    unittest.main()
