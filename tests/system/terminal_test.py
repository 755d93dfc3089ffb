"""On a terminal of 80 columns tables fit it and keep whole names; elsewhere each row is one line."""

import fcntl
import os
import struct
import subprocess
import termios
import unittest

from dare_system import SystemTest, command, environment, run, write_safetensors

NAMES = ["model.layers.31.self_attn.q_proj.weight", "model.layers.31.block_sparse_moe.experts.7.w1.weight"]


class Terminal(SystemTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path())  # messages without the test's own long path
        for name, value in (("base", 0.5), ("math", 0.5625), ("code", 0.4375)):
            write_safetensors(self.path(name + ".safetensors"), {tensor: ("F32", [64, 64], struct.pack("<f", value) * 4096) for tensor in NAMES})

    def on_terminal(self, columns, *words):
        ours, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        with subprocess.Popen(command(0, *words), env=environment(), stdin=subprocess.DEVNULL, stdout=its, stderr=subprocess.PIPE) as process:
            os.close(its)
            printed = b""
            try:
                while more := os.read(ours, 4096):
                    printed += more
            except OSError:  # EIO: the other side is closed
                pass
        os.close(ours)
        return printed.decode().replace("\r\n", "\n").splitlines()

    def checked(self, *words):
        """The lines at 80 columns, each within them."""
        narrow = self.on_terminal(80, *words)
        self.assertTrue(narrow)
        for line in narrow:
            self.assertLessEqual(len(line), 80, line)
        whole = run(0, *words).stdout.splitlines()
        self.assertEqual(self.on_terminal(400, *words), whole)
        self.assertNotEqual(narrow, whole)
        self.assertEqual(sorted("\n".join(narrow).split()), sorted("\n".join(whole).split()))  # the same words, in other places
        return narrow, whole

    def test_names_stand_above_their_figures(self):
        for words in (("dare-diff", "base.safetensors", "math.safetensors"), ("dare-inspect", "math.safetensors")):
            narrow, whole = self.checked(*words)
            for name in NAMES:
                self.assertIn(name, narrow)
                self.assertTrue(any(line.endswith("  " + name) for line in whole))
        fitness = self.on_terminal(80, "dare-inspect", "--base", "base.safetensors", "math.safetensors")
        self.assertLessEqual(set(NAMES), set(fitness))

    def test_a_plan_of_settings_with_filters(self):
        parts = "[{filter: q_proj, value: [0.25, 0.375]}, {filter: w1, value: [0.125, 0.9375]}, {value: 0.5}]"
        models = ", ".join(f"{{model: {name}.safetensors, parameters: {{weight: {parts}, density: {parts}}}}}" for name in ("math", "code"))
        with open("recipe.yml", "w", encoding="utf-8") as file:
            file.write(f"merge_method: dare_ties\nbase_model: base.safetensors\nmodels: [{models}]\n")
        narrow = self.on_terminal(80, "dare-merge", "recipe.yml", "--plan")
        whole = run(0, "dare-merge", "recipe.yml", "--plan").stdout.splitlines()
        self.assertLessEqual(max(len(line) for line in narrow), 80)
        self.assertEqual(set("\n".join(narrow).split()), set("\n".join(whole).split()))
        self.assertGreater(max(len(line) for line in whole), 100)
        settings = "0.125 to 0.9375, by 2 filters and layer"
        for name in ("math", "code"):
            at = narrow.index(f"model      {name}.safetensors")
            self.assertIn(f"drop rate  {settings.replace('0.125', '0.0625').replace('0.9375', '0.875')}", narrow[at - 5 : at])

    def test_an_explanation_has_a_column_a_model(self):
        words = ["--base", "base.safetensors", "--model", "math.safetensors", "--model", "code.safetensors", "--drop-rate", "0.5", "--explain", NAMES[1] + "[1,2]"]
        narrow, _ = self.checked("dare-merge", *words)
        self.assertTrue(any(line.split() == ["model", "math.safetensors", "code.safetensors"] for line in narrow), narrow)


if __name__ == "__main__":
    unittest.main()
