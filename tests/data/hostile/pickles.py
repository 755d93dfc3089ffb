"""Pickles written opcode by opcode."""
import struct


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    data = value.to_bytes(9, "little", signed=True)
    while len(data) > 1 and data[-1] in (0, 255) and (data[-1] == 255) == (data[-2] >= 128):
        data = data[:-1]
    return b"\x8a" + bytes([len(data)]) + data


def known(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def numbers(values):
    return b"(" + b"".join(number(v) for v in values) + b"t"


def storage(key="0", count=6, kind="FloatStorage", legacy=False):
    return b"(" + text("storage") + known("torch", kind) + text(key) + text("cpu") + number(count) + (b"N" if legacy else b"") + b"tQ"


def tensor(offset=0, shape=(2, 3), strides=(3, 1), **of_storage):
    return (known("torch._utils", "_rebuild_tensor_v2") + b"(" + storage(**of_storage) + number(offset) + numbers(shape) + numbers(strides) +
            b"\x89" + known("collections", "OrderedDict") + b")RtR")


def whole(body):
    return b"\x80\x02" + body + b"."


def state_dict(**tensors):
    return whole(b"}" + b"".join(text(name) + value + b"s" for name, value in tensors.items()))


def system(command="touch /tmp/dare-was-here"):
    """What unpickling would run a command with."""
    return known("os", "system") + text(command) + b"\x85R"
