"""The corpus of hostile files through the programs, not the parsers alone; and odd files that are none: what is made of them can be read again."""

import json
import os
import unittest

from dare_system import SystemTest, contents, own_words, random_model, run, write_safetensors

CORPUS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "data", "hostile"))
LISTED = 45  # a message lists at most 50 problems


def corpus():
    with open(os.path.join(CORPUS, "expected.json")) as file:
        return sorted(json.load(file))


class Hostile(SystemTest):
    def setUp(self):
        super().setUp()
        write_safetensors(self.path("base.safetensors"), random_model({"w": [2]}, "base", "F32"))

    def test_merges_tell_of_each(self):
        names = corpus()
        self.assertGreater(len(names), 140)
        for first in range(0, len(names), LISTED):
            chunk = names[first:first + LISTED]
            models = [word for name in chunk for word in ("--model", os.path.join(CORPUS, name))]
            process = run(0, "dare-merge", "--base", self.path("base.safetensors"), *models, "--drop-rate", "0.5", self.path("out.h5"))
            self.assertEqual(process.returncode, 3, process.stderr)
            lines = own_words(process, "dare-merge")
            self.assertEqual(lines[0], f"dare-merge: {len(chunk)} problems found:")
            for name, line in zip(chunk, lines[1:], strict=True):
                self.assertTrue(line.startswith("  " + os.path.join(CORPUS, name)), line)
        self.assertEqual((self.hidden(), os.path.exists(self.path("out.h5"))), ([], False))

    def test_conversions_refuse_them(self):
        # Of each folder of the corpus some; a delta checkpoint's text is of no interest to a conversion.
        names = [name for name in corpus() if not name.startswith("delta/")]
        for name in names[::14]:
            with self.subTest(name=name):
                process = run(0, "dare-convert", os.path.join(CORPUS, name), self.path("out.h5"), "--dtype", "BF16")
                self.assertEqual(process.returncode, 3, process.stderr)
                self.assertEqual(len(own_words(process, "dare-convert")), 1)
                self.assertEqual((self.hidden(), os.path.exists(self.path("out.h5"))), ([], False))

    def test_odd_files_make_files_that_can_be_read_again(self):
        odd = ["", " ", "a/b", "/", "..", "a" * 4096, "\u00e9\u4e16\U0001f600", "\"\\", "dare_delta.kept_before", "~0", "a//b", "metadata", "tensors"]
        tensors = random_model({name: [2] for name in odd}, "odd", "F32")
        tensors.update({"scalar": ("F32", [], bytes(4)), "none": ("F32", [0, 3], b""), "long": ("U8", [1] * 40, b"\1"), "two": ("BOOL", [2], b"\0\1")})
        write_safetensors(self.path("odd.safetensors"), tensors, {"format": "pt", "\u00e9": "\t", "": ""})
        previous = "odd.safetensors"
        for output in ("a.h5", "b", "c.h5", "d.safetensors"):
            process = run(0, "dare-convert", self.path(previous), self.path(output))
            self.assertEqual(process.returncode, 0, process.stderr)
            previous = output
        self.assertEqual(contents(self.path("d.safetensors")) == contents(self.path("odd.safetensors")), True)
        self.assertEqual(run(0, "dare-diff", self.path("c.h5"), self.path("b")).returncode, 0)
        words = ["--base", self.path("odd.safetensors"), "--model", self.path("c.h5"), "--drop-rate", "0.5"]
        for output in ("m.h5", "m.safetensors", "m"):
            process = run(0, "dare-merge", *words, self.path(output))
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(run(0, "dare-verify", self.path(output)).stdout.splitlines()[-1], "verified")
        process = run(0, "dare-convert", self.path("odd.safetensors"), self.path("delta.h5"), "--delta", "--base", self.path("odd.safetensors"), "--drop-rate", "0.5")
        self.assert_refused(process, 3, f"{self.path('odd.safetensors')}: tensor \"dare_delta.kept_before\": delta checkpoints have a tensor of their own by that name; "
                            "rename it in both models", "dare-convert")

    def test_a_folder_with_files_that_are_none_of_the_models(self):
        os.mkdir(self.path("m"))
        tensors = random_model({"w": [2]}, 1, "F32")
        write_safetensors(self.path("m", "weights.txt"), tensors)  # an index may give a shard any name
        with open(self.path("m", "model.safetensors.index.json"), "w") as file:
            json.dump({"weight_map": {"w": "weights.txt"}}, file)
        os.mkdir(self.path("m", "figures"))
        os.symlink("figures", self.path("m", "link_to_a_folder"))
        with open(self.path("m", "line\nend\x1b[31m.txt"), "w") as file:
            file.write("a side file\n")
        with open(self.path("m", "huge.txt"), "w") as file:
            file.truncate(256_000_001)
        process = run(0, "dare-convert", self.path("m"), self.path("out"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(own_words(process, "dare-convert"), [f"dare-convert: {self.path('m', 'huge.txt')}: 256000001 bytes, left out: of files beside the weights "
                                                              "those of up to 256000000 are taken along"])
        self.assertEqual(set(contents(self.path("out"))), {"weights.txt", "model.safetensors.index.json", "line\nend\x1b[31m.txt"})
        process = run(0, "dare-merge", "--base", self.path("m"), "--model", self.path("out"), "--drop-rate", "0.5", self.path("merged"))
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn(f"dare-merge: {self.path('m', 'huge.txt')}: 256000001 bytes, left out", process.stderr)
        listing = run(0, "dare-inspect", self.path("m")).stdout
        self.assertIn("  beside it: line\\x0aend\\x1b[31m.txt\n", listing)

    def test_links_that_lead_nowhere(self):
        os.mkdir(self.path("m"))
        write_safetensors(self.path("m", "model.safetensors"), random_model({"w": [2]}, 1, "F32"))
        write_safetensors(self.path("other.safetensors"), random_model({"w": [2]}, 2, "F32"))
        for name, target, why in (("config.json", "nowhere.json", "No such file or directory"), ("tokenizer.json", "tokenizer.json", "Too many levels of symbolic links")):
            with self.subTest(name=name):
                os.symlink(target, self.path("m", name))
                told = (f"{self.path('m', name)}: a symbolic link to {target} that cannot be followed ({why}); put the file itself there, or remove the link")
                other = self.path("other.safetensors")
                for base, model in (("m", other), (other, "m")):
                    process = run(0, "dare-merge", "--base", self.path(base), "--model", self.path(model), "--drop-rate", "0.5", self.path("out"))
                    self.assert_refused(process, 3, told)
                self.assert_refused(run(0, "dare-convert", self.path("m"), self.path("out")), 3, told, "dare-convert")
                self.assertFalse(os.path.exists(self.path("out")))
                os.remove(self.path("m", name))

    def test_weights_that_lead_nowhere(self):
        write_safetensors(self.path("other.safetensors"), random_model({"w": [2]}, 2, "F32"))
        for name in ("model.safetensors", "model.safetensors.index.json"):
            with self.subTest(name=name):
                os.mkdir(self.path("m"))
                os.symlink("gone", self.path("m", name))
                process = run(0, "dare-merge", "--base", self.path("m"), "--model", self.path("other.safetensors"), "--drop-rate", "0.5", self.path("out"))
                self.assert_refused(process, 3, f"{self.path('m', name)}: a symbolic link to gone that cannot be followed (No such file or directory); "
                                                "put the file itself there, or remove the link")
                os.remove(self.path("m", name))
                os.rmdir(self.path("m"))

    def test_configurations_of_any_length_and_depth(self):
        os.mkdir(self.path("m"))
        write_safetensors(self.path("m", "model.safetensors"), random_model({"w": [2]}, 1, "F32"))
        deep = '{"a":' * 200_000 + "1" + "}" * 200_000
        texts = {"long": '{"torch_dtype":"' + "a" * 1_000_000 + '"}', "spaces": '{"torch_dtype"' + " " * 1_000_000 + ': "float32"}',
                 "deep": '{"torch_dtype":"float32","text_config":' + deep + ',"quantization_config":' + deep + "}", "lists": "[" * 1_000_000}
        expected = {"long": '{"torch_dtype":"bfloat16"}', "spaces": texts["spaces"].replace("float32", "bfloat16"), "deep": texts["deep"].replace("float32", "bfloat16"),
                    "lists": texts["lists"]}
        for name, text in texts.items():
            with self.subTest(name=name):
                with open(self.path("m", "config.json"), "w") as file:
                    file.write(text)
                process = run(0, "dare-convert", self.path("m"), self.path(name), "--dtype", "BF16")
                self.assertEqual(process.returncode, 0, process.stderr)
                with open(self.path(name, "config.json")) as file:
                    self.assertEqual(file.read() == expected[name], True)
                # A merge may refuse it, with a message.
                process = run(0, "dare-inspect", self.path("m"), "--base", self.path("base.safetensors"))
                self.assertIn(process.returncode, (0, 3), process.stderr)


if __name__ == "__main__":
    unittest.main()
