#!/usr/bin/env python3
"""Makes the PyTorch files of this folder and expected.json, what PyTorch itself reads from each: per tensor safetensors' dtype, shape and
the bytes in row-major order as hexadecimal digits. Needs torch 2.13 (CPU); the outputs are kept beside this script.

    python3 tests/data/pytorch/make.py
"""
import collections
import json
import pathlib

import torch

HERE = pathlib.Path(__file__).resolve().parent
NAMES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
    torch.float8_e8m0fnu: "F8_E8M0", torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint64: "U64",
    torch.uint32: "U32", torch.uint16: "U16", torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64",
}
expected = {}


def bytes_of(tensor):
    return bytes(tensor.detach().contiguous().flatten().view(torch.uint8).tolist()) if tensor.numel() else b""


def describe(tensors):
    return {name: {"dtype": NAMES[t.dtype], "shape": list(t.shape), "hex": bytes_of(t).hex()} for name, t in tensors.items()}


def save(name, value, tensors=None, **options):
    (HERE / name).parent.mkdir(exist_ok=True)
    torch.save(value, HERE / name, **options)
    if tensors != {}:
        expected[name] = describe(tensors if tensors is not None else value)


def counting(dtype, *shape, first=1):
    n = 1
    for extent in shape:
        n *= extent
    values = torch.arange(first, first + n, dtype=torch.int64)
    if dtype is torch.bool:
        return (values % 3 == 0).reshape(shape)
    if dtype in (torch.float8_e8m0fnu,):
        return (values + 120).to(torch.uint8).view(dtype).reshape(shape)
    return values.to(torch.float32).to(dtype).reshape(shape) if dtype.is_floating_point else values.to(dtype).reshape(shape)


def types():
    return {f"layer.{name.lower()}": counting(dtype, 2, 3) for dtype, name in NAMES.items()}


def module():
    """A module's own state_dict(): an OrderedDict with _metadata, parameters, a buffer, a scalar and an empty tensor."""
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    net.register_buffer("empty", torch.zeros(0, 5))
    return net.state_dict()


def parameters():
    with_attribute = torch.nn.Parameter(counting(torch.float32, 3))
    with_attribute.note = "kept by nobody"
    return {"plain": torch.nn.Parameter(counting(torch.bfloat16, 2, 2)), "noted": with_attribute}


def views():
    big = counting(torch.float32, 6, 8)
    cube = counting(torch.int32, 3, 4, 5)
    return {
        "transposed": big.t(), "columns": big[:, 2:5], "every_other": big[::2, 1::3], "rows": big[2:4], "scalar": big[3, 3],
        "permuted": cube.permute(2, 0, 1), "flat_step": torch.arange(40, dtype=torch.int16)[3::7],
        "expanded_row": torch.ones(1, 4).expand(1, 4), "tied_a": cube, "tied_b": cube,
    }


def main():
    for protocol in (2, 3, 4, 5):
        save(f"types_protocol{protocol}.pt", types(), pickle_protocol=protocol)
    save("types_legacy.pt", types(), _use_new_zipfile_serialization=False)
    save("legacy_protocol4.pt", types(), _use_new_zipfile_serialization=False, pickle_protocol=4)
    save("module.pth", module())
    save("parameters.pt", parameters())
    save("views.pt", views())
    save("views_legacy.pt", views(), _use_new_zipfile_serialization=False)
    tensors = {"w": counting(torch.float32, 2, 2), "b": counting(torch.float32, 2)}
    trainer = {"epoch": 3, "lr": 1e-4, "tags": ["a", None, True], "optimizer": {"state": {0: {"m": torch.ones(2)}}, "groups": [{"lr": 0.1}]}}
    save("wrapped.pt", {**trainer, "state_dict": collections.OrderedDict(tensors)}, tensors)
    save("wrapped_twice.pt", {**trainer, "model": {"module": tensors, "step": 7}}, tensors)
    save("with_plain_values.pt", {**tensors, "version": 2, "device": torch.device("cpu"), "size": torch.Size([2, 2]), "dtype": torch.half,
                                  "big": 1 << 80, "raw": 0.5}, tensors)
    # What is refused: each with a message of its own.
    save("repeated.pt", {"mask": torch.ones(1).expand(4)}, {})
    save("nested.pt", {**tensors, "encoder": {"w": torch.ones(2)}}, {})
    save("two_wrappers.pt", {"model": tensors, "state_dict": tensors}, {})
    save("list.pt", [torch.ones(2)], {})
    save("no_tensor.pt", {"epoch": 3}, {})
    save("conjugate.pt", {"z": counting(torch.complex64, 2).conj()}, {})
    save("sparse.pt", {"s": torch.eye(3).to_sparse()}, {})
    save("quantised.pt", {"q": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)}, {})
    save("complex128.pt", {"z": torch.ones(2, dtype=torch.complex128)}, {})
    torch.save(torch.nn.Linear(2, 2), HERE / "whole_module.pt")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), HERE / "script.pt")
    folder()
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def folder():
    shards = {"pytorch_model-00001-of-00002.bin": {"a": counting(torch.bfloat16, 4, 2), "b": counting(torch.bfloat16, 3)},
              "pytorch_model-00002-of-00002.bin": {"c": counting(torch.float16, 5).flip(0)}}
    for name, tensors in shards.items():
        save(f"sharded/{name}", tensors)
    weight_map = {tensor: name for name, tensors in shards.items() for tensor in tensors}
    index = {"metadata": {"total_size": 32}, "weight_map": weight_map}
    (HERE / "sharded/pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")
    (HERE / "sharded/config.json").write_text('{"model_type": "none", "torch_dtype": "bfloat16"}\n')
    save("single/pytorch_model.bin", {"a": counting(torch.float32, 2)})


if __name__ == "__main__":
    main()
