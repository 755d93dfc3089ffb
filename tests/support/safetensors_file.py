"""safetensors files, written and read by the standard library alone."""

import json
import struct


def described(tensors, metadata=None):
    """The header of a file that holds tensors: {name: (dtype, shape, bytes of data)}, in file order."""
    header, at = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return header


def framed(header):
    """A header as a file begins with it: its length, then its text, padded with spaces to whole words of eight bytes."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def write(path, tensors, metadata=None):
    """tensors: {name: (dtype, shape, data)} in file order."""
    with open(path, "wb") as out:
        out.write(framed(described({name: (dtype, shape, len(data)) for name, (dtype, shape, data) in tensors.items()}, metadata)))
        for _, _, data in tensors.values():
            out.write(data)


def read_header(file):
    """The header of an open file, which is left where its data begin."""
    (length,) = struct.unpack("<Q", file.read(8))
    return json.loads(file.read(length))


def read(path):
    """{name: (dtype, shape, data)} in file order, without the metadata."""
    with open(path, "rb") as file:
        header = read_header(file)
        data = file.read()
    return {
        name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
        if name != "__metadata__"
    }
