"""Delta checkpoints that say of themselves what is not so."""
import json
import struct

import safetensors

AGAIN = "; make the delta checkpoint again"
NO_TEXT = "{}: no valid description of a delta checkpoint (*)" + AGAIN
COUNTS = "dare_delta.kept_before"


def text(shape=(6,), **fields):
    tensors = [{"name": "w", "shape": list(shape), "packed": True}, {"name": "ids", "shape": [1], "packed": False}]
    return {"format_version": 1, "stream_version": 1, "seed": 7, "stream": 0, "drop_rate": 0, "base": "b", "model": "m", "tensors": tensors, **fields}


def checkpoint(kept=6, before=(0,), counts_dtype="U64", words=None, raw_words=None, **fields):
    """"w" of 6 elements, of which `kept` are there, and "ids", an integer."""
    words = json.dumps(text(**fields) if words is None else words) if raw_words is None else raw_words
    sizes = [("w", "F32", (kept,), 4 * kept), ("ids", "I64", (1,), 8), (COUNTS, counts_dtype, (len(before),), 8 * len(before))]
    header, at = {"__metadata__": {"dare_delta": words}}, 0
    for name, dtype, shape, size in sizes:
        header[name] = safetensors.tensor(dtype, shape, (at, at + size))
        at += size
    return safetensors.raw(header, bytes(4 * kept + 8) + struct.pack(f"<{len(before)}Q", *before))


def without(key):
    words = text()
    del words[key]
    return checkpoint(words=words)


def of(message):
    return "{}: " + message + AGAIN


def no_text(why):
    return of(f"no valid description of a delta checkpoint ({why})")


def tensors(*changes):
    words = text()
    for number, fields in changes:
        words["tensors"][number].update(fields)
    return checkpoint(words=words)


def cases():
    newer = lambda format_version, stream_version: (
        f"{{}}: a delta checkpoint of format version {format_version} and stream version {stream_version}, this program reads 1 and 1; use a newer one")
    huge = f"F32 [{2**32}, {2**32}] is no whole number of bytes below 2^60"
    entries = 2**57 // 65536
    found = {
        "text_no_json": (checkpoint(raw_words="{"), NO_TEXT),
        "text_array": (checkpoint(raw_words="[]"), no_text("the whole is a list, expected an object")),
        "text_empty": (checkpoint(raw_words=""), NO_TEXT),
        "text_deep": (checkpoint(raw_words="[" * 100_000), NO_TEXT),
        "text_of_lists": (checkpoint(raw_words='{"tensors": [' + "[]," * 1000 + "1]}"), NO_TEXT),
        "key_twice": (checkpoint(raw_words='{"seed": 1, "seed": 2}'), no_text('"seed" stands twice')),
        "no_seed": (without("seed"), no_text("seed is missing")),
        "no_drop_rate": (without("drop_rate"), no_text("drop_rate is missing")),
        "no_tensors": (without("tensors"), no_text("tensors is missing")),
        "seed_text": (checkpoint(seed="7"), no_text('seed is "7", expected a whole number from 0 up')),
        "version_newer": (checkpoint(format_version=2), newer(2, 1)),
        "stream_version_newer": (checkpoint(stream_version=9), newer(1, 9)),
        "drop_rate_above_1": (checkpoint(drop_rate=1.5), of("drop_rate 1.5 is outside [0, 1]")),
        "drop_rate_below_0": (checkpoint(drop_rate=-0.5), of("drop_rate -0.5 is outside [0, 1]")),
        "tensors_number": (checkpoint(tensors=7), no_text("tensors is 7, expected a list")),
        "tensor_missing": (checkpoint(tensors=text()["tensors"][:1]), of("1 tensors are described, 2 are there beside dare_delta.kept_before")),
        "seed_negative": (checkpoint(seed=-7), no_text("seed is -7, expected a whole number from 0 up")),
        "drop_rate_text": (checkpoint(drop_rate="0"), no_text('drop_rate is "0", expected a number')),
        "packed_number": (tensors((1, {"packed": 0})), no_text("tensors[1].packed is 0, expected true or false")),
        "extent_fraction": (tensors((0, {"shape": [6.5]})), no_text("tensors[0].shape[0] is 6.5, expected a whole number from 0 up")),
        "tensor_null": (checkpoint(tensors=[None, None]), no_text("tensors[0] is null, expected an object")),
        "name_of_another": (tensors((0, {"name": "v"})), of('tensor "w" stands where "v" is described')),
        "shape_text": (tensors((0, {"shape": "6"})), no_text('tensors[0].shape is "6", expected a list')),
        "shape_overflows": (checkpoint(shape=(2**32, 2**32)), of(f'tensor "w": {huge}')),
        "more_kept_than_there_are": (checkpoint(shape=(5,)), of('tensor "w": F32 [6] cannot be what is kept of [5]')),
        "packed_integer": (tensors((1, {"packed": True})), of('tensor "ids": I64 [1] cannot be what is kept of [1]')),
        "whole_of_another_shape": (tensors((1, {"shape": [2]})), of('tensor "ids": I64 [1] cannot be the whole of [2]')),
        "counts_too_many": (checkpoint(before=(0, 0)),
                            of(f'tensor "{COUNTS}" is U64 [2], expected "{COUNTS}" of U64 [1]')),
        "counts_too_few": (checkpoint(shape=(65537,)), of(f'tensor "{COUNTS}" is U64 [1], expected "{COUNTS}" of U64 [2]')),
        "counts_for_a_huge_tensor": (checkpoint(shape=(2**57,)),
                                     of(f'tensor "{COUNTS}" is U64 [1], expected "{COUNTS}" of U64 [{entries}]')),
        "counts_signed": (checkpoint(counts_dtype="I64"), of(f'tensor "{COUNTS}" is I64 [1], expected "{COUNTS}" of U64 [1]')),
        "counts_of_another_name": (checkpoint().replace(COUNTS.encode(), COUNTS[::-1].encode()),
                                   of(f'tensor "{COUNTS[::-1]}" is U64 [1], expected "{COUNTS}" of U64 [1]')),
    }
    return {name + ".safetensors": case for name, case in found.items()}
