"""What a user may not read or write: told as that, exit code 3, before any work."""

import json
import os
import shutil
import subprocess
import unittest

from dare_system import SystemTest, command, environment, random_model, write_safetensors

NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.geteuid() == 0 else []


class Permissions(SystemTest):
    shapes = {"a.weight": [64, 32], "b.weight": [16]}

    def setUp(self):
        super().setUp()
        if NOBODY and not shutil.which("setpriv"):
            self.skipTest("root may do everything, and there is no setpriv here")
        os.chmod(self.folder, 0o777)
        self.make_family(models=1)
        os.mkdir(self.path("m"))
        write_safetensors(self.path("m", "model.safetensors"), random_model(self.shapes, 0))
        with open(self.path("m", "tokenizer.json"), "w", encoding="utf-8") as file:
            json.dump({"model": {}}, file)
        if self.call("dare-merge", "--version").returncode != 0:
            self.skipTest("another user cannot run the programs here")

    def call(self, program, *words):
        return subprocess.run([*NOBODY, *command(0, program, *words)], env=environment(HOME=self.folder), cwd="/", capture_output=True, text=True, timeout=60)

    def locked(self, path, mode=0):
        """Takes the rights on `path` away until the test ends."""
        before = os.stat(path).st_mode & 0o777
        os.chmod(path, mode)
        self.addCleanup(os.chmod, path, before)
        return path

    def refused(self, message, program, *words):
        before = sorted(os.listdir(self.folder))
        self.assert_refused(self.call(program, *words), 3, message.replace("DIR", self.folder), program)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def merge(self, model, output="out.h5", base="base.safetensors"):
        return ["--base", self.path(base), "--model", self.path(model), "--drop-rate", "0.5", self.path(output)]

    def test_the_rights_that_there_are_suffice(self):
        process = self.call("dare-merge", *self.merge("m"))
        self.assertEqual(process.returncode, 0, process.stderr)

    def test_a_sweep_into_a_folder_without_the_right_to_write(self):
        sweep = self.path("sweep.yml")
        with open(sweep, "w", encoding="utf-8") as file:
            file.write("merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{model: m0.safetensors}]\ngrid: {drop_rate: [0.5]}\n")
        os.mkdir(self.path("closed"))
        self.locked(self.path("closed"), 0o555)
        told = "cannot be written to: Permission denied; name another folder"
        self.refused(f"DIR/closed/swept: its folder DIR/closed {told}", "dare-sweep", sweep, self.path("closed", "swept"))
        self.refused(f"DIR/closed/points: its folder DIR/closed {told}", "dare-sweep", sweep, self.path("closed"))

    def test_unreadable_files(self):
        made = self.call("dare-convert", self.path("m0.safetensors"), self.path("m0.h5"))
        self.assertEqual(made.returncode, 0, made.stderr)
        for name in ("m0.safetensors", "m0.h5"):
            with self.subTest(name=name):
                told = f"DIR/{name}: cannot be read: Permission denied"
                self.locked(self.path(name))
                self.refused(told, "dare-merge", *self.merge(name))
                self.refused(told, "dare-inspect", self.path(name))
                self.refused(told, "dare-convert", self.path(name), self.path("copy.safetensors"))

    def test_an_unreadable_shard_and_tokenizer(self):
        self.locked(self.path("m", "tokenizer.json"))
        told = "DIR/m/tokenizer.json: cannot open for reading: Permission denied"
        self.refused(told, "dare-merge", *self.merge("m0.safetensors", base="m"))
        self.refused(told, "dare-convert", self.path("m"), self.path("copy"))
        self.locked(self.path("m", "model.safetensors"))
        self.refused("DIR/m/model.safetensors: cannot open for reading: Permission denied", "dare-merge", *self.merge("m"))

    def test_an_unreadable_configuration_beside_other_problems(self):
        with open(self.path("m", "config.json"), "w", encoding="utf-8") as file:
            file.write("{}")
        self.locked(self.path("m", "config.json"))
        told = "DIR/m/config.json: cannot open for reading: Permission denied"
        self.refused(told, "dare-merge", *self.merge("m"))
        self.refused(told, "dare-merge", *self.merge("m0.safetensors", base="m"))
        self.refused(told, "dare-convert", self.path("m"), self.path("copy"))
        self.refused(told, "dare-convert", self.path("m"), self.path("view.h5"), "--link")
        self.refused(told, "dare-inspect", self.path("m"), "--base", self.path("base.safetensors"))
        self.refused(f"2 problems found:\n  {told}\n  DIR/none.safetensors: no such file or folder", "dare-merge",
                     *self.merge("m", base="none.safetensors"))

    def test_unreadable_folders(self):
        self.locked(self.path("m"))
        self.refused("DIR/m: cannot be read: Permission denied", "dare-merge", *self.merge("m"))
        self.refused("DIR/m: cannot be read: Permission denied", "dare-inspect", self.path("m"))
        within = "m/model.safetensors"
        self.refused(f"DIR/{within}: cannot be read: Permission denied", "dare-merge", *self.merge(within))
        self.refused(f"DIR/{within}: cannot be read: Permission denied", "dare-inspect", self.path(within))
        self.refused(f"DIR/{within}: cannot be read: Permission denied", "dare-verify", self.path(within))

    def test_unwritable_folders(self):
        os.mkdir(self.path("closed"))
        self.locked(self.path("closed"), 0o555)
        told = "DIR/closed/out.h5: its folder DIR/closed cannot be written to: Permission denied; name another output"
        for more in ([], ["--plan"], ["--resume"], ["--overwrite"]):
            with self.subTest(more=more):
                self.refused(told, "dare-merge", *self.merge("m", "closed/out.h5"), *more)
        self.refused(told, "dare-convert", self.path("m"), self.path("closed", "out.h5"))
        os.chmod(self.path("closed"), 0)
        self.refused("DIR/closed/in/out.h5: its folder DIR/closed/in cannot be looked at: Permission denied; name another output", "dare-merge",
                     *self.merge("m", "closed/in/out.h5"))

    def test_outputs_to_verify(self):
        made = self.call("dare-merge", *self.merge("m", "out"))
        self.assertEqual(made.returncode, 0, made.stderr)
        self.locked(self.path("out", "model.safetensors"))
        self.refused("DIR/out/model.safetensors: cannot open for reading: Permission denied", "dare-verify", self.path("out"))


if __name__ == "__main__":
    unittest.main()
