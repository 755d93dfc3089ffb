"""One broken rule of the safetensors format a file."""
import json
import struct

AGAIN = "; fetch the file again"


def raw(header, data=b"", length=None):
    """`header` is JSON text, or a value to be written as such."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8), **others):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **others}


def one(name="w", data=bytes(8), **fields):
    return raw({name: tensor(**fields)}, data)


def without(key):
    fields = tensor()
    del fields[key]
    return raw({"w": fields}, bytes(8))


def of(message):
    return "{}: " + message + AGAIN


def of_w(message):
    return of('tensor "w": ' + message)


def cases():
    deep = b"[" * 100_000 + b"]" * 100_000
    two = {"a": tensor(), "b": tensor(offsets=(8, 16))}
    found = {
        "empty": (b"", of("empty")),
        "short": (b"1234567", of("7 bytes, a safetensors file has at least 8")),
        "length_above_limit": (raw({}, length=100_000_001), of("header of 100000001 bytes, at most 100000000 are allowed")),
        "length_of_all_ones": (raw([], length=2**64 - 1), of(r'no safetensors file: it begins with "' + r"\xff" * 8 + '[]"')),
        "length_above_file": (raw({}, length=3), of("header of 3 bytes in a file of 10")),
        "array": (raw([]), of("the header is no JSON object")),
        "number": (raw(7), of("the header is no JSON object")),
        "twice": (raw(b'{"w":' + json.dumps(tensor()).encode() + b',"w":' + json.dumps(tensor(offsets=(8, 16))).encode() + b"}", bytes(16)),
                  of("the header is no valid JSON (\"w\" stands twice)")),
        "key_twice": (raw(b'{"w":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
                      of("the header is no valid JSON (\"dtype\" stands twice)")),
        "tensor_is_a_list": (raw({"w": [[]] * 1000}), of_w("no dtype")),
        "no_dtype": (without("dtype"), of_w("no dtype")),
        "no_shape": (without("shape"), of_w("no shape")),
        "no_offsets": (without("data_offsets"), of_w("no data_offsets")),
        "tensor_is_null": (raw({"w": None}), of_w("no dtype")),
        "dtype_unknown": (one(dtype="F33"), of_w('dtype "F33" is unknown')),
        "dtype_lower_case": (one(dtype="f32"), of_w('dtype "f32" is unknown')),
        "dtype_number": (one(dtype=32), of_w("dtype 32 is unknown")),
        "shape_text": (raw({"w": {**tensor(), "shape": "2"}}, bytes(8)), of_w("shape is no list")),
        "extent_negative": (one(shape=(-2,)), of_w("shape holds -2, a number from 0 up is expected")),
        "extent_fraction": (one(shape=(2.0,)), of_w("shape holds 2.0, a number from 0 up is expected")),
        "extent_above_64_bits": (one(shape=(2**64,)), of_w("shape holds 1.8446744073709552e+19, a number from 0 up is expected")),
        "extent_deep": (raw(b'{"w":{"dtype":"F32","data_offsets":[0,8],"shape":[' + deep + b"]}}", bytes(8)),
                        of("the header is no valid JSON (nested deeper than 3 levels)")),
        "shape_overflows": (one(shape=(2**32, 2**31)), of_w("F32 [4294967296, 2147483648] is no whole number of bytes below 2^60")),
        "shape_overflows_64_bits": (one(shape=(2**32, 2**32, 2)),
                                    of_w("F32 [4294967296, 4294967296, 2] is no whole number of bytes below 2^60")),
        "bytes_overflow": (one(shape=(2**61,)), of_w("F32 [2305843009213693952] is no whole number of bytes below 2^60")),
        "half_a_byte": (one(dtype="F4", shape=(3,), offsets=(0, 2)), of_w("F4 [3] is no whole number of bytes below 2^60")),
        "offsets_one": (one(offsets=(8,)), of_w("data_offsets is no pair")),
        "offsets_three": (one(offsets=(0, 8, 8)), of_w("data_offsets is no pair")),
        "offsets_negative": (one(offsets=(-8, 0)), of_w("data_offsets holds -8, a number from 0 up is expected")),
        "offsets_backwards": (one(offsets=(8, 0)), of_w("F32 [2] is 8 bytes, data_offsets [8, 0] hold fewer than none")),
        "bytes_too_few": (one(offsets=(0, 7)), of_w("F32 [2] is 8 bytes, data_offsets [0, 7] hold 7")),
        "bytes_too_many": (one(offsets=(0, 2**63)),
                           of_w("F32 [2] is 8 bytes, data_offsets [0, 9223372036854775808] hold 9223372036854775808")),
        "begins_late": (one(offsets=(8, 16), data=bytes(16)),
                        of_w("begins at 8, the tensor before it ends at 0: tensors may neither overlap nor leave holes")),
        "hole": (raw({**two, "b": tensor(offsets=(12, 20))}, bytes(20)),
                 of('tensor "b": begins at 12, the tensor before it ends at 8: tensors may neither overlap nor leave holes')),
        "overlap": (raw({**two, "b": tensor(offsets=(4, 12))}, bytes(12)),
                    of('tensor "b": begins at 4, the tensor before it ends at 8: tensors may neither overlap nor leave holes')),
        "file_too_short": (one(data=bytes(7)), of("76 bytes, its header describes 77")),
        "file_too_long": (one(data=bytes(9)), of("78 bytes, its header describes 77")),
        "no_tensor_but_bytes": (raw({}, bytes(1)), of("11 bytes, its header describes 10")),
        "metadata_text": (raw({"__metadata__": "pt"}), of("__metadata__ is no object of texts")),
        "metadata_list": (raw({"__metadata__": [[]]}), of("__metadata__ is no object of texts")),
        "metadata_deep": (raw({"__metadata__": {"format": {}}}), of("__metadata__ is no object of texts")),
        "metadata_of_very_many": (raw({"__metadata__": {f"{i:x}": "" for i in range(10_001)}}), of("__metadata__ has more than 10000 keys")),
        "metadata_twice": (raw(b'{"__metadata__":{"a":"","a":""}}'), of("the header is no valid JSON (\"a\" stands twice)")),
        "metadata_number": (raw({"__metadata__": {"format": 1}}), of("__metadata__ is no object of texts")),
        "name_with_nul": (one(name="a\0b"), of('tensor "a\\x00b": the name is no UTF-8 text without NUL')),
        "name_too_long": (one(name="a" * 4097), of(f'tensor "{"a" * 80}...": the name has 4097 bytes, at most 4096 are taken')),
        "name_with_escape": (one(name="w\x1b[31m"), of('tensor "w\\x1b[31m": the name has control characters')),
        "name_with_c1": (one(name="w\x9b31m"), of('tensor "w\\xc2\\x9b31m": the name has control characters')),
        "name_with_line": (one(name="w\nfile x: 1 bytes"), of('tensor "w\\x0afile x: 1 bytes": the name has control characters')),
    }
    for name, text in {"no_json": b"{", "not_utf8": b'{"\xff":1}', "surrogate": b'{"\\ud800":1}', "trailing": b'{} x', "nan": b'{"w":NaN}',
                       "comment": b"{/**/}", "only_spaces": b"    "}.items():
        found["json_" + name] = (raw(text), of("the header is no valid JSON (*)"))
    long_text = b'{"w":"' + b"x" * 10_000
    found["json_long"] = (raw(long_text), of("the header is no valid JSON (*)"))
    return {name + ".safetensors": case for name, case in found.items()}
