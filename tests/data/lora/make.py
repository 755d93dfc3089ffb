#!/usr/bin/env python3
"""Makes small LoRA adapters with PEFT, and what PEFT merges them into: NAME/adapter_config.json and adapter_model.*, NAME/base.safetensors,
NAME/merged.safetensors. Needs torch 2.13 (CPU), transformers 5.24, peft 0.21, safetensors 0.8; the outputs are kept beside this script.

    python3 tests/data/lora/make.py
"""
import json
import pathlib
import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers.pytorch_utils import Conv1D

HERE = pathlib.Path(__file__).resolve().parent


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = torch.nn.Linear(6, 10)
        self.k_proj = torch.nn.Linear(6, 4, bias=False)
        self.c_attn = Conv1D(9, 6)
        self.conv = torch.nn.Conv2d(3, 5, (2, 3))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(12, 6)
        self.layers = torch.nn.ModuleList([Block(), Block()])
        self.lm_head = torch.nn.Linear(6, 12)

    def forward(self, x):
        return x

    def get_input_embeddings(self):
        return self.embed_tokens

    def get_output_embeddings(self):
        return self.lm_head


def plain(tensors):
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def make(name, dtype=torch.float32, pickled=False, touch=(), **options):
    torch.manual_seed(len(name))
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    model = Model().to(dtype)
    save_file(plain(model.state_dict()), folder / "base.safetensors")
    peft = get_peft_model(model, LoraConfig(**options))
    with torch.no_grad():
        for key, value in peft.named_parameters():
            if "lora_" in key or any(part in key for part in touch):
                value.copy_(torch.randn_like(value) * 0.3)
    peft.save_pretrained(folder, safe_serialization=not pickled)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    save_file(plain(peft.merge_and_unload().state_dict()), folder / "merged.safetensors")


def main():
    make("linear", r=3, lora_alpha=6, target_modules=["q_proj", "k_proj"])
    make("rslora", r=5, lora_alpha=8, use_rslora=True, target_modules=["q_proj"], bias="all", touch=["bias"])
    make("patterns", r=2, lora_alpha=4, target_modules=["q_proj", "k_proj"], rank_pattern={"layers.1.q_proj": 4, "k_proj": 1},
         alpha_pattern={"layers.0.k_proj": 7, "^layers.1.q_proj": 3})
    make("conv1d", r=3, lora_alpha=2, fan_in_fan_out=True, target_modules=["c_attn"])
    make("convolution", r=2, lora_alpha=2, target_modules=["conv"])
    make("embedding", r=2, lora_alpha=3, target_modules=["embed_tokens", "q_proj"])
    make("saved_whole", r=2, lora_alpha=4, target_modules=["q_proj"], modules_to_save=["lm_head"], touch=["modules_to_save"])
    make("half", dtype=torch.bfloat16, r=3, lora_alpha=6, target_modules=["q_proj"])
    make("pickled", pickled=True, r=3, lora_alpha=6, target_modules=["k_proj"])


if __name__ == "__main__":
    main()
