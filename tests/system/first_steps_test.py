"""What first users try: the wrong model, file, folder or word, and what they are told. No mpirun: one rank says it all."""

import os
import shutil
import subprocess
import unittest

from dare_system import SystemTest, command, environment, run, with_fault, write_safetensors


class FirstSteps(SystemTest):
    shapes = {"model.embed.weight": [64, 8], "model.norm.weight": [8]}

    def setUp(self):
        super().setUp()
        self.make_family(models=1)
        self.base, self.model = self.path("base.safetensors"), self.path("m0.safetensors")
        self.other = self.path("gpt2.safetensors")
        write_safetensors(self.other, {"wte.weight": ("F32", [64, 8], bytes(2048))})

    def refused(self, code, message, program, *words):
        self.assert_refused(run(0, program, *words), code, message, program)

    def unfinished(self):
        """What an interrupted merge leaves of the folder "out"."""
        words = ["--base", self.base, "--model", self.model, "--drop-rate", "0.5", self.path("out")]
        self.assertNotEqual(run(0, "dare-merge", *words, **with_fault("rename:1:KILL:0", ".partial")).returncode, 0)
        return self.path(".out.partial")

    def test_a_model_that_shares_nothing_with_the_base(self):
        words = ["--base", self.base, "--model", self.other, "--drop-rate", "0.9"]
        for missing in ("error", "skip", "base"):
            self.refused(3, f"{self.other}: no tensor of the base {self.base} is in it: another architecture or another base",
                         "dare-merge", *words, "--missing", missing, self.path("out.h5"))
        self.assertFalse(os.path.exists(self.path("out.h5")))
        told = run(0, "dare-inspect", "--base", self.base, self.other)
        self.assertEqual(told.returncode, 3)
        self.assertIn("note: no float tensor of the base is in the model", told.stdout)

    def test_an_unfinished_output_is_no_input(self):
        partial = self.unfinished()
        why = (f"{partial}: an unfinished output, some of its weights are not there yet (.out.journal is the journal of its run); "
               "go on with --resume, then give out")
        self.refused(3, why, "dare-merge", "--base", self.base, "--model", partial, "--drop-rate", "0.5", self.path("x.h5"))
        self.refused(3, why, "dare-inspect", partial)
        os.symlink(partial, self.path("link"))
        self.refused(3, why.replace(partial, self.path("link"), 1), "dare-inspect", self.path("link"))
        self.refused(3, why, "dare-verify", partial)
        self.refused(3, why, "dare-diff", self.base, partial)
        self.refused(3, why, "dare-convert", partial, self.path("x.h5"))
        self.refused(3, f"{self.path('out')}: not finished: its run was interrupted or is under way, what it has done is in {partial}; go on with --resume",
                     "dare-verify", self.path("out"))

    def test_factors_of_an_adapter_alone(self):
        os.mkdir(self.path("lora"))
        name = "base_model.model.model.embed.lora_A.weight"
        for file in ("lora/adapter_model.safetensors", "factors.safetensors", "adapter_model.safetensors"):
            write_safetensors(self.path(file), {name: ("F32", [2, 8], bytes(64))})
        words = ["--base", self.base, "--drop-rate", "0.5", self.path("x.h5"), "--model"]
        self.refused(3, f"{self.path('lora')}: a LoRA adapter (adapter_model.safetensors) without its adapter_config.json; fetch that file beside it",
                     "dare-merge", *words, self.path("lora"))
        for file in (self.path("factors.safetensors"), self.path("adapter_model.safetensors")):
            self.refused(3, f'{file}: tensor "{name}" is a factor of a LoRA adapter; give the adapter\'s folder, with its '
                            "adapter_config.json", "dare-merge", *words, file)

    def test_an_output_that_lost_its_weights(self):
        words = ["--base", self.base, "--model", self.model, "--drop-rate", "0.5", self.path("out")]
        self.assertEqual(run(0, "dare-merge", *words).returncode, 0)
        os.remove(self.path("out/model.safetensors"))
        told = run(0, "dare-verify", self.path("out"))
        self.assertEqual(told.returncode, 4)
        self.assertTrue(told.stdout.startswith(f"model.safetensors is missing\n{self.path('out')}: none of the manifest's 2 blocks could be read ("), told.stdout)

    def test_words_that_are_read_as_another_thing(self):
        self.refused(2, f"{self.path('out.json')} is read as the recipe; no OUTPUT is given; see dare-merge --help",
                     "dare-merge", "--base", self.base, "--model", self.model, self.path("out.json"))
        for wrong, right in (("--drop_rate", "--drop-rate"), ("--models", "--model"), ("--methd", "--method"), ("--normalise", "--normalize")):
            self.refused(2, f"unrecognised option '{wrong}'; did you mean {right}? see dare-merge --help", "dare-merge", wrong, "1")
        with open(self.path("sweep.yml"), "w", encoding="utf-8") as file:
            file.write("recipe: r.yml\ngrid: {seed: [1, 2]}\n")
        self.refused(2, f"{self.path('sweep.yml')}: this is a sweep's specification, no recipe; run dare-sweep", "dare-merge", self.path("sweep.yml"), self.path("out"))

    def test_a_model_without_its_option(self):
        for model in (self.model, self.path("folder")):
            os.makedirs(self.path("folder"), exist_ok=True)
            self.refused(2, f"{model} is a model, and stands where a recipe would; give --model before each model", "dare-merge", "--base", self.base,
                         "--model", self.other, "--drop-rate", "0.5", model, self.path("x.h5"))
        both = f"{self.model},{self.other}"
        self.refused(3, f"{both}: no such file or folder; if these are several models, each takes a --model of its own (in a recipe an entry)",
                     "dare-merge", "--base", self.base, "--model", both, "--drop-rate", "0.5", self.path("x.h5"))

    def test_bytes_that_are_no_recipe(self):
        for raw in (b"\x9b\x1b[31m: \xff: [", bytes(range(256)), b"models: [\x1b]0;\x07]\nmerge_method: \xff\xfe\n", b"\xff: \x9b: \x84: \n"):
            with open(self.path("r"), "wb") as file:
                file.write(raw)
            done = subprocess.run([*command(0, "dare-merge", self.path("r"), self.path("x.h5"))], env=environment(), capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertNotRegex(done.stderr.decode("utf-8"), r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")

    def test_a_recipe_on_standard_input(self):
        text = "merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{model: m0.safetensors, parameters: {drop_rate: 0.5}}]\n"
        with open(self.path("r.yml"), "w", encoding="utf-8") as file:
            file.write(text)
        for number, (np, words) in enumerate(((0, "- {} < r.yml"), (0, "/dev/stdin {} < r.yml"), (2, "- {} < r.yml"), (0, "- --plan < r.yml"), (0, "/dev/fd/5 {} 5< r.yml"))):
            with self.subTest(words=words):
                done = subprocess.run(["sh", "-c", '"$@" ' + words.format(f"o{number}.h5"), "sh", *command(np, "dare-merge")], cwd=self.folder,
                                      env=environment(), capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_merge_that_adds_nothing(self):
        told = run(0, "dare-merge", "--base", self.base, "--model", self.model, "--drop-rate", "0.5", "--weight", "0", self.path("w.h5"))
        self.assertIn(f"every weight is 0: the output has the weights of {self.base} alone", told.stderr)
        told = run(0, "dare-merge", "--base", self.base, "--model", self.model, "--drop-rate", "0.5", "--exclude", ".*", self.path("e.h5"))
        self.assertIn(f"exclude matches every tensor that would be merged: the output has the weights of {self.base} alone", told.stderr)
        told = run(0, "dare-merge", "--base", self.base, "--model", self.model, "--drop-rate", "0.5", "--exclude", "norm", self.path("n.h5"))
        self.assertNotIn("alone", told.stderr)

    def test_a_path_that_a_manifest_cannot_name(self):
        name = os.fsdecode(os.fsencode(self.folder) + b"/in\xff.safetensors")
        shutil.copy(self.model, name)
        line = [*command(0, "dare-merge", "--base", self.base, "--model", name, "--drop-rate", "0.5", self.path("x.h5"))]
        done = subprocess.run(line, env=environment(), capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"in\\xff.safetensors: this path is no UTF-8, the manifest cannot name it", done.stderr)

    def test_the_folder_that_help_names_is_there(self):
        """Of a single file, and of a folder."""
        for name, hidden in (("out", ".out.partial"), ("x.safetensors", ".x.safetensors.partial.safetensors")):
            words = ["--base", self.base, "--model", self.model, "--drop-rate", "0.5", self.path(name)]
            self.assertNotEqual(run(0, "dare-merge", *words, **with_fault("rename:1:KILL:0", ".partial")).returncode, 0)
            self.assertTrue(os.path.exists(self.path(hidden)), os.listdir(self.folder))
            told = " ".join(run(0, "dare-merge", "--help").stdout.split())
            self.assertIn(hidden.replace("out", "OUTPUT").replace(".x.safetensors", ".OUTPUT"), told)

    def test_a_delta_checkpoint_beside_a_model(self):
        self.assertEqual(run(0, "dare-convert", self.model, self.path("delta.safetensors"), "--delta", "--base", self.base, "--drop-rate", "0.9").returncode, 0)
        told = run(0, "dare-diff", self.path("delta.safetensors"), self.model).stdout.splitlines()
        self.assertEqual(told[0], f"A, {self.path('delta.safetensors')}, is a delta checkpoint: what it stores is compared, not the model that it stands for")
        self.assertIn("0 tensors in both: 0 equal, 0 different; 2 of other shape; 1 in A alone, 0 in B alone", told)


if __name__ == "__main__":
    unittest.main()
