#!/usr/bin/env python3
"""Writes two random BF16 models of the same tensors, a base and one that differs a little, as model.safetensors in a folder each.

  make_models.py [--tensors N] [--elements N] BASE TUNED
"""
import argparse
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import safetensors_file  # noqa: E402  (found by the line above)


def write(folder, tensors):
    """tensors: name -> uint16 array of BF16 bits"""
    folder.mkdir(parents=True)
    safetensors_file.write(folder / "model.safetensors", {name: ("BF16", bits.shape, bits.tobytes()) for name, bits in tensors.items()}, {"format": "pt"})
    (folder / "config.json").write_text('{"torch_dtype": "bfloat16"}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tensors", type=int, default=8)
    parser.add_argument("--elements", type=int, default=1 << 20, help="of each tensor")
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("tuned", type=pathlib.Path)
    options = parser.parse_args()
    random = np.random.default_rng(7)
    base, tuned = {}, {}
    for i in range(options.tensors):
        weights = random.standard_normal((options.elements // 1024, 1024), np.float32)
        delta = random.standard_normal(weights.shape, np.float32) / 100
        name = f"layers.{i:03}.weight"
        base[name], tuned[name] = ((x.view(np.uint32) >> 16).astype(np.uint16) for x in (weights, weights + delta))
    write(options.base, base)
    write(options.tuned, tuned)


if __name__ == "__main__":
    main()
