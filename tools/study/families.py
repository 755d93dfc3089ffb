"""The model families of the study: how a checkpoint is loaded and what it answers to the held-out questions."""
import importlib.util
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
sys.path.append(str(EXAMPLES / "tinylm"))  # its make_family imports tasks


def module(path):
    """A script of examples/ as a module; two of them have one name."""
    spec = importlib.util.spec_from_file_location("_".join(path.with_suffix("").parts[-2:]), path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Digits:
    """examples/family: handwritten digits, a residual MLP; accuracy."""

    title, tasks, score = "digits", ("digit", "turn", "parity"), ("classification", "accuracy")

    def __init__(self, folder):
        self.folder = folder
        self.code = module(EXAMPLES / "family" / "evaluate.py")
        self.data = self.code.held_out(folder)

    def load(self, path):
        return self.code.load(path)

    def answers(self, model, task):
        return [str(answer) for answer in self.code.predicted(model, task, self.data)]

    def right_answers(self, task):
        return [str(answer) for answer in self.data[task][1]]


class TinyLm:
    """examples/tinylm: a decoder over characters; exact match of what it generates greedily."""

    title, tasks, score = "tinylm", ("sort", "rotate", "swap"), ("exact-match", "exact_match")

    def __init__(self, folder):
        self.folder = folder
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "base")
        self.model = AutoModelForCausalLM.from_pretrained(folder / "base", dtype=torch.float32).eval()
        self.data = {task: [json.loads(line) for line in open(folder / "tasks" / f"{task}.jsonl")] for task in self.tasks}

    def load(self, path):
        """`path`: a folder or a file; the one model that there is in memory gets its weights."""
        self.model.load_state_dict(load_file(path / "model.safetensors" if path.is_dir() else path))
        return self.model

    def answers(self, model, task):
        tokens = self.tokenizer([example["prompt"] for example in self.data[task]], return_tensors="pt", padding=True)
        tokens.pop("token_type_ids", None)
        with torch.inference_mode():
            found = model.generate(**tokens, max_new_tokens=8, do_sample=False)[:, tokens.input_ids.shape[1]:]
        return [text or "(nothing)" for text in self.tokenizer.batch_decode(found, skip_special_tokens=True)]

    def right_answers(self, task):
        return [example["answer"] for example in self.data[task]]


def open_family(folder):
    torch.set_num_threads(1)
    return (TinyLm if (folder / "tasks").is_dir() else Digits)(folder)
