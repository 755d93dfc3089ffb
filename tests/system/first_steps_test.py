"""What first users try: the wrong model, file, folder or word, and what they are told. No mpirun: one rank says it all."""

import os
import unittest

from dare_system import SystemTest, run, with_fault, write_safetensors


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

    def test_a_delta_checkpoint_beside_a_model(self):
        self.assertEqual(run(0, "dare-convert", self.model, self.path("delta.safetensors"), "--delta", "--base", self.base, "--drop-rate", "0.9").returncode, 0)
        told = run(0, "dare-diff", self.path("delta.safetensors"), self.model).stdout.splitlines()
        self.assertEqual(told[0], f"A, {self.path('delta.safetensors')}, is a delta checkpoint: what it stores is compared, not the model that it stands for")
        self.assertIn("0 tensors in both: 0 equal, 0 different; 2 of other shape; 1 in A alone, 0 in B alone", told)


if __name__ == "__main__":
    unittest.main()
