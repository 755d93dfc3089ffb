#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets that no other test data serves: tests/fuzz/seeds/{safetensors,pickle,index,lora_config,manifest,delta}.
Standard library only.
Findings of long runs stand beside them, named finding-*, and are kept."""
import json
import pathlib
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
sys.path.insert(0, str(DATA / "hostile"))
sys.dont_write_bytecode = True

import delta  # noqa: E402
import safetensors  # noqa: E402


def write(target, name, data):
    folder = HERE / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors_seeds():
    write("safetensors", "one", safetensors.one())
    write("safetensors", "none", safetensors.raw({}))
    write("safetensors", "metadata", safetensors.raw({"__metadata__": {"format": "pt"}}))
    types = {"BF16": 2, "F8_E4M3": 1, "I64": 8, "BOOL": 1, "C64": 8, "F4": 0.5}
    header, at = {}, 0
    for dtype, size in types.items():
        header[f"layers.0.{dtype}"] = safetensors.tensor(dtype, (2, 1), (at, at + int(2 * size)))
        at += int(2 * size)
    header["scalar"] = safetensors.tensor("F32", (), (at, at + 4))
    header["empty"] = safetensors.tensor("F32", (0, 7), (at + 4, at + 4))
    write("safetensors", "types", safetensors.raw(header, bytes(at + 4)))


def pickle_seeds():
    for folder in (DATA / "pytorch", DATA / "hostile/pytorch"):
        for path in sorted(folder.glob("*.p*t*")):
            try:
                archive = zipfile.ZipFile(path)
                inner = [name for name in archive.namelist() if name.endswith("/data.pkl")]
                data = archive.read(inner[0])
            except (zipfile.BadZipFile, IndexError, RuntimeError, OSError):
                continue
            if len(data) < 10_000:
                write("pickle", path.name, data)


def index_seeds():
    write("index", "two", json.dumps({"metadata": {"total_size": 8}, "weight_map": {"a": "x.safetensors", "b": "y.safetensors"}}).encode())
    for path in sorted((DATA / "hostile/folders").glob("*/*.index.json")):
        if not path.is_symlink():
            write("index", path.parent.name, path.read_bytes())


def lora_seeds():
    for path in sorted((DATA / "lora").glob("*/adapter_config.json")):
        write("lora_config", path.parent.name, path.read_bytes())


def manifest_seeds():
    block = "000102030405060708090a0b0c0d0e0f"
    models = [{"model": "m0", "parameters": {"weight": 0.5, "drop_rate": 0.9}}, {"model": "m1"}]
    head = {"format": "dare-manifest", "format_version": 1, "program": "dare-mpi 1", "stream_version": 1,
            "recipe": {"merge_method": "dare_linear", "base_model": "b", "models": models, "parameters": {"drop_rate": 0.5}, "seed": 7},
            "inputs": [{"path": "b/", "files": [{"name": "model.safetensors", "size": 12, "header_xxh3_128": block, "pieces_xxh3_128": block}]}],
            "block_elements": 1 << 20}
    tensors = [{"name": "w", "dtype": "BF16", "shape": [1025, 1024], "xxh3_128": 2 * block}, {"name": "e", "dtype": "F32", "shape": [0], "xxh3_128": ""}]
    write("manifest", "two", json.dumps({**head, "tensors": tensors}).encode())
    write("manifest", "none", json.dumps({**head, "tensors": []}).encode())
    write("manifest", "other_version", json.dumps({**head, "format_version": 2}).encode())


def delta_seeds():
    write("delta", "all_kept", delta.checkpoint())
    write("delta", "all_dropped", delta.checkpoint(drop_rate=1, kept=0))


if __name__ == "__main__":
    safetensors_seeds()
    pickle_seeds()
    index_seeds()
    lora_seeds()
    manifest_seeds()
    delta_seeds()
    for target in ("zip", "pytorch"):  # their seeds are other tests' data
        write(target, "none", b"")
