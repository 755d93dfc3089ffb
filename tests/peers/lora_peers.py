#!/usr/bin/env python3
"""LoRA adapters through dare-merge beside PEFT's own merge_and_unload, in float32.

Needs DARE_BIN and Python packages torch, safetensors, transformers and peft; exit code 77 (skipped) without them.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
    from peft import LoraConfig, get_peft_model
    from safetensors.torch import load_file, save_file
    from transformers.pytorch_utils import Conv1D
except ImportError as error:
    print(f"lora_peers: skipped: {error}; pip install torch safetensors transformers peft", file=sys.stderr)
    sys.exit(77)

PROGRAM = pathlib.Path(os.environ["DARE_BIN"]) / "dare-merge"


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(211, 96)
        self.up = torch.nn.Linear(96, 257)
        self.attn = Conv1D(131, 96)
        self.head = torch.nn.Linear(96, 211, bias=False)


def plain(model):
    return {name: tensor.detach().clone().contiguous() for name, tensor in model.state_dict().items()}


class Lora(unittest.TestCase):
    def check(self, pickled=False, **options):
        torch.manual_seed(3)
        model = Model()
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            save_file(plain(model), folder / "base.safetensors")
            peft = get_peft_model(model, LoraConfig(**options))
            with torch.no_grad():
                for key, value in peft.named_parameters():
                    if "lora_" in key or "modules_to_save" in key:
                        value.copy_(torch.randn_like(value) * 0.1)
            peft.save_pretrained(folder / "adapter", safe_serialization=not pickled, save_embedding_layers=False)
            theirs = plain(peft.merge_and_unload())
            out = folder / "merged.safetensors"
            done = subprocess.run([PROGRAM, "--base", folder / "base.safetensors", "--model", folder / "adapter", "--method",
                                   "task_arithmetic", out], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            mine = load_file(out)
            self.assertEqual(set(mine), set(theirs))
            for key, tensor in theirs.items():
                torch.testing.assert_close(mine[key], tensor, rtol=2**-20, atol=2**-20, msg=lambda text: f"{key}: {text}")

    def test_linear(self):
        self.check(r=8, lora_alpha=16, target_modules=["up", "head"])

    def test_rank_stabilised(self):
        self.check(r=16, lora_alpha=16, use_rslora=True, target_modules=["up"])

    def test_patterns(self):
        self.check(r=4, lora_alpha=8, target_modules=["up", "head"], rank_pattern={"head": 7}, alpha_pattern={"^up": 3})

    def test_fan_in_fan_out(self):
        self.check(r=5, lora_alpha=10, fan_in_fan_out=True, target_modules=["attn"])

    def test_embedding(self):
        self.check(r=3, lora_alpha=6, target_modules=["embed"])

    def test_modules_to_save(self):
        self.check(r=3, lora_alpha=6, target_modules=["up"], modules_to_save=["head"])

    def test_pickled(self):
        self.check(pickled=True, r=3, lora_alpha=6, target_modules=["up"])


if __name__ == "__main__":
    unittest.main()
