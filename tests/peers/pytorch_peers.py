#!/usr/bin/env python3
"""PyTorch files through dare-convert beside the tensors that torch saved in them: random shapes, types, views, protocols, both formats, shards.

Needs DARE_BIN and Python packages torch and safetensors; exit code 77 (skipped) without them.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
    from safetensors.torch import load_file
except ImportError as error:
    print(f"pytorch_peers: skipped: {error}; pip install torch safetensors", file=sys.stderr)
    sys.exit(77)

PROGRAM = pathlib.Path(os.environ["DARE_BIN"]) / "dare-convert"
TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.int64, torch.int32,
         torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64]


def random_tensor(rng):
    """A dense tensor or a view of one: transposed, sliced, stepped."""
    dtype = rng.choice(TYPES)
    shape = [rng.randint(0 if rng.random() < 0.1 else 1, 40) for _ in range(rng.randint(0, 4))]
    size = torch.empty(0, dtype=dtype).element_size()
    count = 1
    for extent in shape:
        count *= extent
    raw = torch.tensor(list(rng.randbytes(max(count, 1) * size)), dtype=torch.uint8)
    if dtype is torch.bool:
        raw %= 2
    tensor = raw.view(dtype)[:count].reshape(shape)
    if shape and rng.random() < 0.3:
        tensor = tensor.permute(*rng.sample(range(len(shape)), len(shape)))
    if tensor.dim() and rng.random() < 0.3:
        tensor = tensor[tuple(slice(rng.randint(0, 2), None, rng.randint(1, 3)) for _ in range(tensor.dim()))]
    return tensor


def as_bytes(tensor):
    tensor = tensor.detach().contiguous()
    return tensor.reshape(-1).view(torch.uint8) if tensor.numel() else torch.empty(0, dtype=torch.uint8)


def convert(source, target):
    subprocess.run([PROGRAM, source, target], capture_output=True, text=True, check=True)
    return load_file(target)


class Pytorch(unittest.TestCase):
    def same(self, mine, theirs):
        self.assertEqual(set(mine), set(theirs))
        for name, tensor in theirs.items():
            self.assertEqual(mine[name].dtype, tensor.dtype, name)
            self.assertEqual(mine[name].shape, tensor.shape, name)
            self.assertTrue(torch.equal(as_bytes(mine[name]), as_bytes(tensor)), name)

    def test_random_state_dicts(self):
        rng = random.Random(11)
        for case in range(24):
            tensors = {f"layers.{i}.w": random_tensor(rng) for i in range(rng.randint(1, 12))}
            tensors["tied"] = tensors["layers.0.w"]
            options = {"pickle_protocol": rng.randint(2, 5), "_use_new_zipfile_serialization": case % 3 != 0}
            with self.subTest(case=case, **options), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "model.pt"
                torch.save(tensors, path, **options)
                self.same(convert(path, path.with_suffix(".safetensors")), tensors)  # torch itself reads no uint16 or float8 from the old format

    def test_shards(self):
        rng = random.Random(12)
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder) / "model"
            root.mkdir()
            tensors, weight_map = {}, {}
            for shard in ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"):
                part = {f"{shard[14:19]}.{i}": random_tensor(rng) for i in range(5)}
                torch.save(part, root / shard)
                tensors.update(part)
                weight_map.update(dict.fromkeys(part, shard))
            (root / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
            self.same(convert(root, pathlib.Path(folder) / "all.safetensors"), tensors)


if __name__ == "__main__":
    unittest.main()
