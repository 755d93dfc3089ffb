"""Bad input: one clear message, the exit code, at once, nothing left behind, an old OUTPUT untouched. At 1 rank and at 3."""

import io
import json
import os
import shutil
import struct
import subprocess
import unittest

from dare_system import SystemTest, command, contents, environment, random_model, run, write_safetensors
from safetensors_file import framed, read_header


OLD = "\x08" + 7 * "\0" + "{}      an old output"  # how a safetensors file begins


class Refusals(SystemTest):
    shapes = {"a.weight": [64, 32], "b.weight": [16]}

    def setUp(self):
        super().setUp()
        self.make_family(models=1)
        with open(self.path("m0.safetensors"), "rb") as file:
            self.raw = file.read()
        file = io.BytesIO(self.raw)
        self.header, self.data = read_header(file), file.read()
        with open(self.path("old.safetensors"), "w", encoding="utf-8") as file:
            file.write(OLD)

    def refused(self, code, message, *words, output="old.safetensors", ranks=(0, 3)):
        words = words or self.merge_words(output, "--overwrite", models=1)
        before = sorted(os.listdir(self.folder))
        for np in ranks:
            with self.subTest(np=np):
                self.assert_refused(run(np, "dare-merge", *words), code, message.replace("DIR", self.folder))
                self.assertEqual(sorted(os.listdir(self.folder)), before)
                with open(self.path("old.safetensors"), encoding="utf-8") as file:
                    self.assertEqual(file.read(), OLD)

    def set_model(self, data):
        with open(self.path("m0.safetensors"), "wb") as file:
            file.write(data)

    def set_header(self, **changes):
        for name, change in changes.items():
            self.header[name.replace("_weight", ".weight")].update(change)
        self.set_model(framed(self.header) + self.data)

    # files

    def test_truncated(self):
        self.set_model(self.raw[:-10])
        self.refused(3, f"DIR/m0.safetensors: {len(self.raw) - 10} bytes, its header describes {len(self.raw)}; fetch the file again")

    def test_shorter_than_a_length(self):
        self.set_model(self.raw[:5])
        self.refused(3, "DIR/m0.safetensors: 5 bytes, a safetensors file has at least 8; fetch the file again")

    def test_header_of_2_gib(self):
        self.set_model(struct.pack("<Q", 2 << 30) + self.raw[8:])
        self.refused(3, "DIR/m0.safetensors: header of 2147483648 bytes, at most 100000000 are allowed; fetch the file again")

    def test_overlapping_offsets(self):
        self.set_header(b_weight={"data_offsets": [4000, 4032]})
        self.refused(3, 'DIR/m0.safetensors: tensor "b.weight": begins at 4000, the tensor before it ends at 4096: tensors may neither overlap '
                        "nor leave holes; fetch the file again")

    def test_unknown_dtype(self):
        self.set_header(b_weight={"dtype": "F99"})
        self.refused(3, 'DIR/m0.safetensors: tensor "b.weight": dtype "F99" is unknown; fetch the file again')

    def test_missing_shard(self):
        os.mkdir(self.path("m0"))
        with open(self.path("m0", "model.safetensors.index.json"), "w", encoding="utf-8") as file:
            json.dump({"weight_map": {"a.weight": "model-1.safetensors"}}, file)
        words = ["--base", self.path("base.safetensors"), "--model", self.path("m0"), "--drop-rate", "0.5", self.path("out.h5")]
        self.refused(3, "DIR/m0/model-1.safetensors: the index names this shard, it is not there; fetch it", *words)

    def test_unreadable_files_are_all_told(self):
        words = ["--base", self.path("no"), "--model", self.path("nor"), "--drop-rate", "0.5", self.path("out.h5")]
        self.refused(3, "2 problems found:\n  DIR/nor: no such file or folder\n  DIR/no: no such file or folder", *words)

    def test_paths_as_other_programs_take_them(self):
        words = ["--base", "meta-llama/Llama-2-7b", "--model", "math+lora", "--drop-rate", "0.5", self.path("out.h5")]
        self.refused(3, "2 problems found:\n"
                        "  math+lora: no such file or folder; mergekit's MODEL+ADAPTER is not read: where math is the base, give lora alone as the "
                        "model; else merge the two first (dare-merge --method task_arithmetic --base math --model lora OUTPUT) and give that output\n"
                        "  meta-llama/Llama-2-7b: no such file or folder; if it is a name on the Hub, download it first: hf download "
                        "meta-llama/Llama-2-7b --local-dir meta-llama/Llama-2-7b", *words)

    def test_a_recipe_s_path(self):
        os.mkdir(self.path("recipes"))
        with open(self.path("recipes", "r.yml"), "w", encoding="utf-8") as file:
            file.write("merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{model: ../m0.safetensors}]\nparameters: {density: 0.1}\n")
        self.refused(3, 'DIR/recipes/base.safetensors: no such file or folder ("base.safetensors", relative to the recipe\'s folder)',
                     self.path("recipes", "r.yml"), self.path("out.h5"))

    def test_one_shard_as_a_base(self):
        os.rename(self.path("base.safetensors"), self.path("model-00001-of-00002.safetensors"))
        words = ["--base", self.path("model-00001-of-00002.safetensors"), "--model", self.path("m0.safetensors"), "--drop-rate", "0.5",
                 self.path("out.h5")]
        self.refused(3, "DIR/model-00001-of-00002.safetensors: one of 2 shards, which would be merged without the others; give their folder, DIR",
                     *words)

    # models that do not fit

    def test_missing_tensor(self):
        write_safetensors(self.path("m0.safetensors"), random_model({"a.weight": [64, 32]}, 0))
        self.refused(3, "DIR/m0.safetensors: lacks the base's \"b.weight\"; give the whole model, exclude them, or set missing: base or missing: skip")

    def test_other_shape(self):
        write_safetensors(self.path("m0.safetensors"), random_model({"a.weight": [32, 64], "b.weight": [16]}, 0))
        self.refused(3, "DIR/m0.safetensors: tensor \"a.weight\": BF16 [32, 64], expected the base's BF16 [64, 32]; the models are not of one "
                        "architecture; exclude the tensor to keep the base's")

    def test_integer_for_float(self):
        model = random_model({"a.weight": [64, 32]}, 0)
        model["b.weight"] = ("I32", [16], bytes(64))
        write_safetensors(self.path("m0.safetensors"), model)
        self.refused(3, "DIR/m0.safetensors: tensor \"b.weight\": I32 [16], expected the base's BF16 [16]; an integer is not merged with a float; "
                        "exclude the tensor to keep the base's")

    def test_quantised_model(self):
        os.mkdir(self.path("m0"))
        write_safetensors(self.path("m0", "model.safetensors"), random_model(self.shapes, 1))
        with open(self.path("m0", "config.json"), "w", encoding="utf-8") as file:
            json.dump({"quantization_config": {"quant_method": "gptq"}}, file)
        words = ["--base", self.path("base.safetensors"), "--model", self.path("m0"), "--drop-rate", "0.5", self.path("out.h5")]
        self.refused(3, "DIR/m0: config.json has a quantization_config (gptq): the tensors are codes, not weights; merge the checkpoint it was "
                        "quantised from", *words)

    def test_a_damaged_config(self):
        for name in ("base", "m0"):
            os.mkdir(self.path(name))
            os.rename(self.path(f"{name}.safetensors"), self.path(name, "model.safetensors"))
            with open(self.path(name, "config.json"), "w", encoding="utf-8") as file:
                file.write('{"torch_dtype": "bfloat16"')
        words = ["--base", self.path("base"), "--model", self.path("m0"), "--drop-rate", "0.5", self.path("out")]
        told = "config.json: its 26 bytes are no JSON object (ends in the middle, in line 1); fetch it again, or take it away"
        self.refused(3, f"2 problems found:\n  DIR/m0: {told}\n  DIR/base: {told}", *words)

    def test_codes_told_by_their_names(self):
        model = random_model({"a.weight": [64, 32], "b.qweight": [16]}, 0)
        write_safetensors(self.path("m0.safetensors"), model)
        self.refused(3, 'DIR/m0.safetensors: tensor "b.qweight" (BF16 [16]) holds packed codes (GPTQ, AWQ): a quantised checkpoint holds codes, '
                        "not weights; merge the checkpoint it was quantised from")

    def test_the_lowest_nonfinite_element_of_all_ranks(self):
        self.shapes = {"a.weight": [3, 1 << 20], "b.weight": [16]}
        self.make_family(models=1)
        model = random_model(self.shapes, 0)
        data = bytearray(model["a.weight"][2])
        for element in (3_000_000, 1_500_000, 2_500_000):
            data[2 * element : 2 * element + 2] = b"\x80\x7f"
        model["a.weight"] = ("BF16", [3, 1 << 20], bytes(data))
        write_safetensors(self.path("m0.safetensors"), model)
        self.refused(3, 'DIR/m0.safetensors: tensor "a.weight": element 1500000 ([1,451424]) is inf; the file is damaged or its training '
                        "diverged; --nonfinite keep, or `nonfinite: keep` in the recipe, merges it as it is", ranks=(0, 2, 3, 5))

    def test_a_refusal_amid_the_work_leaves_nothing(self):
        self.shapes = {"a.weight": [3, 1 << 20], "b.weight": [16]}
        self.make_family(models=1)
        model = random_model(self.shapes, 0)
        whole = model["a.weight"]
        model["a.weight"] = ("BF16", whole[1], whole[2][:-2] + b"\x80\x7f")  # the last element of the first tensor: blocks before it are done
        for output in ("new.safetensors", "new.h5", "new"):
            write_safetensors(self.path("m0.safetensors"), model)
            words = self.merge_words(output, models=1)
            for np in (0, 3):
                with self.subTest(output=output, np=np):
                    process = run(np, "dare-merge", *words)
                    self.assertEqual(process.returncode, 3, process.stderr)
                    self.assertIn("element 3145727 ([2,1048575]) is inf", process.stderr)
                    self.assertEqual((self.hidden(), os.path.exists(self.path(output))), ([], False))
            write_safetensors(self.path("m0.safetensors"), {**model, "a.weight": whole})
            process = run(3, "dare-merge", *words)  # no journal asks for --resume
            self.assertEqual(process.returncode, 0, process.stderr)

    # command line and recipe

    def test_rates_outside_0_to_1(self):
        for rate, said in (("1.5", "1.5"), ("-0.1", "-0.1"), (".nan", "nan")):
            words = ["--base", self.path("base.safetensors"), "--model", self.path("m0.safetensors"), "--drop-rate", rate, self.path("out.h5")]
            self.refused(2, f"--drop-rate: {said} is outside [0, 1]", *words, ranks=(3,))

    def test_a_percentage_where_a_share_is_meant(self):
        words = ["--base", self.path("base.safetensors"), "--model", self.path("m0.safetensors"), "--drop-rate", "90%", self.path("out.h5")]
        self.refused(2, '--drop-rate: expected a number such as 0.9 for 90 %, found "90%"; see dare-merge --help', *words, ranks=(3,))

    def test_values_of_options_that_are_none(self):
        for option, value, message in (("--drop-rate", "0,5", 'expected a number such as 0.5, found "0,5"; see dare-merge --help'),
                                       ("--weight", "half", 'expected a number such as 0.5, found "half"; see dare-merge --help'),
                                       ("--weight", "nan", 'expected a number such as 0.5, found "nan"; see dare-merge --help'),
                                       ("--stream", "-1", 'expected a whole number from 0 to 18446744073709551615, found "-1"; see dare-merge --help'),
                                       ("--memory-per-rank", "foo", '"foo" is no size in bytes; write e.g. 512MiB, 5GB or 4096'),
                                       ("--shard-size", "1.5.2GB", '"1.5.2GB" is no size in bytes; write e.g. 512MiB, 5GB or 4096')):
            self.refused(2, f"{option}: {message}", *self.merge_words("out.h5", option, value, models=1), ranks=(3,))
        self.refused(2, '--bandwidth-read: "fast" is no size in bytes; write e.g. 512MiB, 5GB or 4096',
                     *self.merge_words("out.h5", "--plan", "--bandwidth-read", "fast", models=1), ranks=(3,))
        self.refused(2, "--normalize and --no-normalize: give one of them", *self.merge_words("out.h5", "--normalize", "--no-normalize", models=1), ranks=(3,))

    def test_every_problem_of_a_recipe_with_its_line(self):
        with open(self.path("recipe.yml"), "w", encoding="utf-8") as file:
            file.write("merge_method: dare_linear\nbase_model: base.safetensors\nmodels:\n  - model: m0.safetensors\n"
                       "    parameters: {wieght: 1, drop_rate: 2}\nsed: 4\n")
        self.refused(2, '3 problems found:\n  DIR/recipe.yml:5: unknown key "wieght" in parameters; did you mean weight?\n'
                        '  DIR/recipe.yml:5: drop_rate: 2 is outside [0, 1]\n  DIR/recipe.yml:6: unknown key "sed" in a recipe; did you mean seed?',
                     self.path("recipe.yml"), self.path("out.h5"))

    def test_mistakes_that_have_nothing_to_do_with_each_other_are_told_in_one_go(self):
        def recipe(top, method="dare_linear", base="none.safetensors"):
            self.write("recipe.yml", f"{top}merge_method: {method}\nbase_model: {base}\n"
                                     "models: [{model: m0.safetensors}]\nparameters: {drop_rate: 0.5}\n")

        words = [self.path("recipe.yml"), self.path("old.safetensors")]
        self.set_header(b_weight={"dtype": "F99"})
        of_files = ('  DIR/m0.safetensors: tensor "b.weight": dtype "F99" is unknown; fetch the file again\n'
                    '  DIR/none.safetensors: no such file or folder ("none.safetensors", relative to the recipe\'s folder)\n'
                    "  DIR/old.safetensors: exists; name another output, or give --overwrite")
        recipe("sed: 4\n", "dare_liner")
        self.refused(2, '5 problems found:\n  DIR/recipe.yml:1: unknown key "sed" in a recipe; did you mean seed?\n'
                        '  DIR/recipe.yml:2: merge_method "dare_liner" is not known; did you mean dare_linear?\n' + of_files, *words)
        recipe("")
        self.refused(3, "3 problems found:\n" + of_files, *words)
        recipe("", base="base.safetensors")
        write_safetensors(self.path("m0.safetensors"), random_model({"a.weight": [64, 32]}, 0))
        self.refused(3, '2 problems found:\n  DIR/old.safetensors: exists; name another output, or give --overwrite\n  m0.safetensors: lacks the base\'s '
                        '"b.weight"; give the whole model, exclude them, or set missing: base or missing: skip', *words)

    def test_no_problem_follows_from_another(self):
        exists = "DIR/old.safetensors: exists; name another output, or give --overwrite"
        self.write("recipe.yml", "merge_methd: dare_linear\nmodels: [{modl: no.safetensors}]\n")  # no method, no base, no model: not told
        self.refused(2, "4 problems found:\n"
                        '  DIR/recipe.yml:1: unknown key "merge_methd" in a recipe; did you mean merge_method?\n'
                        '  DIR/recipe.yml:2: unknown key "modl" in an entry of models; did you mean model?\n'
                        "  DIR/recipe.yml:2: an entry of models has no model\n  " + exists, self.path("recipe.yml"), self.path("old.safetensors"))
        self.write("recipe.yml", "merge_method: dare_linear\nbase_model: base.safetensors\nmodels: [{model: no.safetensors}]\nparameters: {drop_rate: 0.5}\n")
        model = ["--model", self.path("m0.safetensors")]  # the recipe's own models are not meant then
        self.refused(2, "2 problems found:\n  --model: given 2 times, the recipe has 1 models; give as many, or change the recipe\n  " + exists,
                     self.path("recipe.yml"), self.path("old.safetensors"), *model, *model)
        self.refused(2, "2 problems found:\n  --inputs-at goes with a manifest in the recipe's place; a recipe's paths are relative to its folder\n  " + exists,
                     self.path("recipe.yml"), self.path("old.safetensors"), "--inputs-at", self.folder)
        self.refused(2, "2 problems found:\n  DIR/none.yml: cannot open for reading: No such file or directory\n  " + exists, self.path("none.yml"), self.path("old.safetensors"))
        self.refused(2, "2 problems found:\n  DIR/no.safetensors: no such file or folder (\"no.safetensors\", relative to the recipe's folder)\n"
                        "  DIR/base.safetensors: OUTPUT and the input base.safetensors lie in each other; name another output",
                     self.path("recipe.yml"), self.path("base.safetensors"))

    def test_an_output_that_would_be_a_folder_of_a_files_name(self):
        self.refused(2, "DIR/out.pt: files are written as .h5 or .safetensors, anything else is a folder; give one of these endings, or none",
                     *self.merge_words("out.pt"))

    def test_a_pointer_of_git_lfs(self):
        with open(self.path("m0.safetensors"), "w", encoding="ascii") as file:
            file.write("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4976698672\n")
        self.refused(3, "DIR/m0.safetensors: a pointer of git-lfs, not the file; run git lfs pull in its folder", *self.merge_words("out.h5", models=1))

    def test_what_stands_in_the_place_of_a_file(self):
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4976698672\n"
        said = "a pointer of git-lfs, not the file; run git lfs pull in its folder"
        for name in ("x.pt", "x.h5"):
            self.write(name, pointer)
            self.refused(3, f"DIR/{name}: {said}", "--base", self.path("base.safetensors"), "--model", self.path(name), "--drop-rate", "0.5", self.path("out.h5"), ranks=(0,))
            self.write(name, " <!DOCTYPE html>\n")
            self.refused(3, f"DIR/{name}: an HTML page, such as a server's refusal, not the file; fetch the file itself, signed in where it asks",
                         "--base", self.path("base.safetensors"), "--model", self.path(name), "--drop-rate", "0.5", self.path("out.h5"), ranks=(0,))
        self.write("x.safetensors", "GGUF\x03\x00\x00\x00")
        self.refused(3, "DIR/x.safetensors: a GGUF file, which is not read here; give the model that it was made from, as safetensors or PyTorch files",
                     "--base", self.path("base.safetensors"), "--model", self.path("x.safetensors"), "--drop-rate", "0.5", self.path("out.h5"), ranks=(0,))
        os.mkdir(self.path("model"))
        words = ["--base", self.path("model"), "--model", self.path("m0.safetensors"), "--drop-rate", "0.5", self.path("out")]
        self.write("model/model.safetensors.index.json", pointer)
        self.refused(3, f"DIR/model/model.safetensors.index.json: {said}", *words, ranks=(0,))
        os.rename(self.path("model", "model.safetensors.index.json"), self.path("model", "tokenizer.json"))
        os.rename(self.path("base.safetensors"), self.path("model", "model.safetensors"))
        self.refused(3, f"DIR/model/tokenizer.json: {said}", *words)
        os.mkdir(self.path("other"))
        os.rename(self.path("m0.safetensors"), self.path("other", "model.safetensors"))
        os.rename(self.path("model", "tokenizer.json"), self.path("other", "tokenizer.json"))  # it does not go into the output
        self.write("model/tokenizer.json", "{}")
        words[3] = self.path("other")
        merged = run(0, "dare-merge", *words)
        self.assertEqual(merged.returncode, 0, merged.stderr)
        self.assertIn("other files than", merged.stderr)
        shutil.rmtree(self.path("out"))
        self.write("model/config.json", pointer)
        self.refused(3, f"DIR/model/config.json: {said}", *words, ranks=(0,))

    def test_shards_without_an_index(self):
        os.mkdir(self.path("model"))
        os.rename(self.path("m0.safetensors"), self.path("model", "model-00001-of-00002.safetensors"))
        self.refused(3, "DIR/model: shards (model-00001-of-00002.safetensors) without their index; fetch the .index.json beside them",
                     "--base", self.path("base.safetensors"), "--model", self.path("model"), "--drop-rate", "0.5", self.path("out.h5"))

    def test_more_nodes_than_ranks(self):
        self.refused(2, "--ranks 4 cannot be on --nodes 8: give a rank a node or more", *self.merge_words("out.h5", "--plan", "--ranks", "4", "--nodes", "8"))

    def test_unknown_option(self):
        self.refused(2, "unrecognised option '--bass'; did you mean --base? see dare-merge --help", "--bass", "x", self.path("out.h5"))
        self.refused(2, "unrecognised option '--drop-rte=0.5'; did you mean --drop-rate? see dare-merge --help", "--drop-rte=0.5", self.path("out.h5"), ranks=(0,))

    def test_no_output(self):
        self.refused(2, "no OUTPUT is given; see dare-merge --help", "--base", self.path("base.safetensors"), "--model", self.path("m0.safetensors"))

    def test_too_little_memory(self):
        self.refused(2, "--memory-per-rank 1KiB: this needs at least 1MiB a rank",
                     *self.merge_words("old.safetensors", "--overwrite", "--memory-per-rank", "1KiB", models=1), ranks=(3,))

    # outputs

    def test_output_exists(self):
        self.refused(3, "DIR/old.safetensors: exists; name another output, or give --overwrite", *self.merge_words("old.safetensors", models=1))

    def test_output_without_a_folder(self):
        self.refused(3, "DIR/no/such/out.h5: its folder DIR/no/such is not there; make it first", *self.merge_words("no/such/out.h5", models=1))

    def test_output_is_an_input(self):
        self.refused(2, "DIR/m0.safetensors: OUTPUT and the input DIR/m0.safetensors lie in each other; name another output",
                     *self.merge_words("m0.safetensors", "--overwrite", models=1))

    def test_output_is_what_an_input_links_to(self):
        made = run(0, "dare-convert", self.path("base.safetensors"), self.path("view.h5"), "--link")
        self.assertEqual(made.returncode, 0, made.stderr)
        words = ["--base", self.path("view.h5"), "--model", self.path("m0.safetensors"), "--drop-rate", "0.5", "--overwrite", self.path("base.safetensors")]
        self.refused(2, "DIR/base.safetensors: OUTPUT and the input DIR/base.safetensors lie in each other; name another output", *words)

    def test_a_plan_refuses_what_the_run_would(self):
        self.refused(3, "DIR/old.safetensors: exists; name another output, or give --overwrite", *self.merge_words("old.safetensors", "--plan", models=1))
        self.refused(2, "DIR/m0.safetensors: OUTPUT and the input DIR/m0.safetensors lie in each other; name another output",
                     *self.merge_words("m0.safetensors", "--plan", models=1))

    def test_conversion_into_its_source(self):
        process = run(0, "dare-convert", self.path("base.safetensors"), self.path("base.safetensors"), "--dtype", "F32", "--overwrite")
        message = "DIR/base.safetensors: OUTPUT and the input DIR/base.safetensors lie in each other; name another output"
        self.assert_refused(process, 2, message.replace("DIR", self.folder), "dare-convert")

    def test_too_little_memory_for_the_passes_before_the_merge(self):
        more = ["--model", self.path("m0.safetensors")] * 40
        self.refused(2, "--memory-per-rank 16MiB: this needs at least 35MiB a rank",
                     *self.merge_words("old.safetensors", "--overwrite", "--method", "breadcrumbs", "--memory-per-rank", "16MiB", *more, models=1))

    def test_overwrite_of_a_folder_that_is_no_model(self):
        os.mkdir(self.path("thesis"))
        with open(self.path("thesis", "chapter1.tex"), "w", encoding="utf-8") as file:
            file.write("years of work")
        self.refused(3, "DIR/thesis: is a folder that holds no model; --overwrite replaces models only, name another output",
                     *self.merge_words("thesis", "--overwrite", models=1))

    def kept(self, message, output):
        """--overwrite is refused, and everything in the folder stays."""
        before = contents(self.folder)
        self.refused(3, "DIR/" + message + "; --overwrite replaces models only, name another output", *self.merge_words(output, "--overwrite", models=1))
        self.assertEqual(contents(self.folder) == before, True)

    def test_overwrite_of_what_only_has_the_name_of_a_model(self):
        self.write("project/config.json", "{}")
        self.write("project/main.c", "int main;")
        self.kept("project: is a folder that holds no model", "project")
        self.write("home/model.safetensors", "")
        self.write("home/thesis.pdf", "years of work")
        self.kept("home/thesis.pdf: is in a folder of a model and no part of one", "home")
        self.write("notes.safetensors", "remember the milk")
        self.kept("notes.safetensors: is no safetensors file", "notes.safetensors")
        self.write("data.h5", "a,b\n1,2\n")
        self.kept("data.h5: is no HDF5 file", "data.h5")
        os.mkfifo(self.path("pipe.h5"))
        self.refused(3, "DIR/pipe.h5: is no HDF5 file; --overwrite replaces models only, name another output",
                     *self.merge_words("pipe.h5", "--overwrite", models=1))

    def test_overwrite_of_an_output_that_holds_a_folder_of_something_else(self):
        self.assertEqual(run(0, "dare-merge", *self.merge_words("merged", models=1)).returncode, 0)
        self.write("merged/eval/results.json", "{}")
        self.kept("merged/eval: is a folder that holds no model", "merged")
        shutil.rmtree(self.path("merged/eval"))
        self.write("merged/eval_results.json", "{}")
        self.kept("merged/eval_results.json: is in a folder of a model and no part of one", "merged")
        os.remove(self.path("merged/eval_results.json"))
        self.assertEqual(run(0, "dare-merge", *self.merge_words("merged", "--overwrite", models=1)).returncode, 0)

    def test_closed_standard_streams(self):
        for streams in ("<&- >&-", "<&- >&- 2>&-"):
            for words in (["dare-inspect", self.path("m0.safetensors"), "--json"], ["dare-merge", *self.merge_words(f"closed{len(streams)}.safetensors", models=1)]):
                with self.subTest(streams=streams, program=words[0]):
                    line = ["sh", "-c", f'"$0" "$@" {streams}', *command(0, *words)]
                    process = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=60)
                    self.assertEqual(process.returncode, 1, process.stderr)
                    if "2>" not in streams:
                        self.assertIn("could not be written to standard output (Bad file descriptor)", process.stderr)

    def test_overwrite_of_a_link(self):
        self.write("elsewhere/model.safetensors", "")
        os.symlink("elsewhere", self.path("merged"))
        self.refused(3, "DIR/merged: is a link to elsewhere, which --overwrite would replace by the output; name what it leads to",
                     *self.merge_words("merged", "--overwrite", models=1))
        self.assertTrue(os.path.islink(self.path("merged")))

    def test_conversion_into_the_folder_it_reads(self):
        self.assertEqual(run(0, "dare-convert", self.path("base.safetensors"), self.path("folder")).returncode, 0)
        for output in ("folder/x", "folder/other.safetensors"):
            process = run(0, "dare-convert", self.path("folder"), self.path(output))
            self.assert_refused(process, 2, f"{self.path(output)}: OUTPUT and the input {self.path('folder')} lie in each other; name another output",
                                "dare-convert")

    def test_a_folder_of_the_name_that_replacing_needs(self):
        self.write(".merged.old/diary.txt", "dear")
        process = run(0, "dare-merge", *self.merge_words("merged", models=1))
        self.assert_refused(process, 3, f"{self.path('.merged.old')}: is a folder that holds no model; an output that is being replaced waits there: "
                                        "move it away, or name another output")
        self.assertEqual(contents(self.path(".merged.old")), {"diary.txt": b"dear"})

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    unittest.main()
