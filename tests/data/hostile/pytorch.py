"""Hostile .bin and .pt files: zip archives, the pickles in them, and the format before PyTorch 1.6."""
import io
import struct
import zipfile

import pickles

AGAIN = "; fetch the file again"
NO_ZIP = "{}: no valid zip archive (*); fetch the file again"
NO_CODE = "; no code of a pickle is run; save the model's state_dict() with torch.save, or as safetensors"


def known(at, name, part="data.pkl, byte "):
    return f"{{}}: {part}{at}: global {name} is none that a state dict of plain tensors needs" + NO_CODE


def no_system(at):
    return known(at, "os.system", part="")


def archive(entries, method=zipfile.ZIP_STORED):
    """entries: (name, bytes) or (name, bytes, method)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, data, *how in entries:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = how[0] if how else method
            out.writestr(entry, data)
    return buffer.getvalue()


def saved(pickle=None, data=bytes(24), more=(), method=zipfile.ZIP_STORED):
    pickle = pickles.state_dict(w=pickles.tensor()) if pickle is None else pickle
    return archive([("m/data.pkl", pickle), ("m/byteorder", b"little"), ("m/data/0", data, method), *more])


def of_w(message):
    return '{}: tensor "w": ' + message


def w(**fields):
    return saved(pickles.state_dict(w=pickles.tensor(**fields)))


def directory(data, field, size, value, entry=0):
    """`data` with a field of the n-th directory entry set: 10 method, 8 flags, 20 compressed size, 24 size, 42 offset."""
    at = -1
    for _ in range(entry + 1):
        at = data.index(b"PK\1\2", at + 1)
    return data[:at + field] + value.to_bytes(size, "little") + data[at + field + size:]


def end_record(data, field, size, value):
    at = data.rindex(b"PK\5\6")
    return data[:at + field] + value.to_bytes(size, "little") + data[at + field + size:]


def named(name):
    return saved(pickles.state_dict(**{name: pickles.tensor()}))


def zips():
    plain = saved()
    bomb = archive([("m/data.pkl", b"\x80\x02" + bytes(20_000_000), zipfile.ZIP_DEFLATED)])
    twice = saved(more=[("m/data/1", bytes(4))]).replace(b"m/data/1", b"m/data/0")
    return {
        "zip_pickle_bomb": (bomb, '{}: zip entry "m/data.pkl" is compressed or encrypted, torch.save stores plainly; load the model with '
                                  "PyTorch and save it again"),
        "zip_data_compressed": (saved(method=zipfile.ZIP_DEFLATED),
                                '{}: zip entry "m/data/0" is compressed or encrypted, torch.save stores plainly; load the model with '
                                "PyTorch and save it again"),
        "zip_no_pickle": (archive([("m/data/0", b"")]), "{}: a zip archive without a data.pkl; give a file that torch.save made"),
        "zip_two_pickles": (saved(more=[("n/data.pkl", b"")]), '{}: two pickles, "m/data.pkl" and "n/data.pkl"' + AGAIN),
        "zip_name_twice": (twice, NO_ZIP),
        "zip_big_endian": (archive([("m/data.pkl", b""), ("m/byteorder", b"big")]),
                           '{}: byte order "big", "little" is expected; save it on a little-endian machine'),
        "zip_byteorder_long": (archive([("m/data.pkl", b""), ("m/byteorder", b"l" * 99)]),
                               '{}: zip entry "m/byteorder": 99 bytes, at most 6 are read here' + AGAIN),
        "zip_script": (saved(more=[("m/constants.pkl", b"")]),
                       "{}: a TorchScript program; save the model's state_dict() with torch.save"),
        "zip_storage_missing": (saved(pickles.state_dict(w=pickles.tensor(key="7"))),
                                '{}: no zip entry "data/7", a tensor lies there' + AGAIN),
        "zip_storage_elsewhere": (saved(pickles.state_dict(w=pickles.tensor(key="../data.pkl"))),
                                  '{}: no zip entry "data/../data.pkl", a tensor lies there' + AGAIN),
        "zip_data_too_short": (saved(data=bytes(23)), of_w('its storage "0" has 23 bytes in the file, 24 are expected' + AGAIN)),
        "zip_data_too_long": (saved(data=bytes(28)), of_w('its storage "0" has 28 bytes in the file, 24 are expected' + AGAIN)),
        "zip_checksum": (plain.replace(pickles.text("w"), pickles.text("v")), '{}: zip entry "m/data.pkl": CRC error' + AGAIN),
        "zip_directory_cut": (plain[:-40], NO_ZIP),
        "zip_comment_length": (end_record(plain, 20, 2, 9999), NO_ZIP),
        "zip_many_entries": (end_record(end_record(plain, 8, 2, 65535), 10, 2, 65535), NO_ZIP),
        "zip_directory_outside": (end_record(plain, 16, 4, 0x7FFFFFFF), NO_ZIP),
        "zip_entry_outside": (directory(plain, 42, 4, 0x7FFFFFFF, entry=2), NO_ZIP),
        "zip_size_lies": (directory(directory(plain, 20, 4, 2**31, entry=2), 24, 4, 2**31, entry=2), NO_ZIP),
        "zip_encrypted": (directory(plain, 8, 2, 1, entry=2),
                          '{}: zip entry "m/data/0" is compressed or encrypted, torch.save stores plainly; load the model with PyTorch and '
                          "save it again"),
        "zip_method_unknown": (directory(plain, 10, 2, 77, entry=2), NO_ZIP),
    }


def inner_pickles():
    run = pickles.whole(pickles.system())
    nested = pickles.whole(b"}" + pickles.text("w") + pickles.tensor() + b"s" + pickles.text("x") + pickles.system() + b"s")
    return {
        "pickle_system": (saved(run), known(2, "os.system")),
        "pickle_system_within": (saved(nested), known(151, "os.system")),
        "pickle_eval": (saved(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93" + pickles.text("1") + b"\x85R."), known(18, "builtins.eval")),
        "pickle_hub_load": (saved(pickles.whole(pickles.known("torch.hub", "load") + b")R")), known(2, "torch.hub.load")),
        "pickle_object": (saved(pickles.whole(b"(" + pickles.known("os", "system")[1:])), "{}: data.pkl, byte 3: opcode OBJ is none that a state dict needs" + NO_CODE),
        "pickle_inst": (saved(pickles.whole(b"(ios\nsystem\n")), "{}: data.pkl, byte 3: opcode INST is none that a state dict needs" + NO_CODE),
        "pickle_empty": (saved(b""), "{}: data.pkl, byte 0: the pickle ends after 0 bytes, 1 more were expected" + AGAIN),
        "pickle_long_text": (saved(b"\x80\x04\x8d" + struct.pack("<Q", 2**63) + b"x."),
                             "{}: data.pkl, byte 11: the pickle ends after 13 bytes, 9223372036854775806 more were expected" + AGAIN),
    }


def tensors():
    leaves = lambda shape, strides, offset: of_w(
        f"{shape} with strides {strides} from element {offset} on leaves its storage of 6 elements" + AGAIN)
    return {
        "name_of_metadata": (named("__metadata__"), '{}: tensor "__metadata__": the name is that of a header\'s metadata; rename it'),
        "name_with_nul": (named("a\0b"), '{}: tensor "a\\x00b": the name is no UTF-8 text without NUL; rename it'),
        "name_no_utf8": (saved(pickles.whole(b"}" + pickles.text(b"\xff") + pickles.tensor() + b"s")),
                         '{}: tensor "\\xff": the name is no UTF-8 text without NUL; rename it'),
        "tensor_leaves": (w(offset=1), leaves("[2, 3]", "[3, 1]", 1)),
        "tensor_leaves_far": (w(offset=2**62), leaves("[2, 3]", "[3, 1]", 2**62)),
        "tensor_stride_overflows": (w(strides=(2**62, 2**62)), leaves("[2, 3]", f"[{2**62}, {2**62}]", 0)),
        "tensor_too_large": (w(shape=(2**40, 2**40)), of_w(f"F32 [{2**40}, {2**40}] exceeds 2^63 bytes" + AGAIN)),
        "tensor_repeats": (w(shape=(2**40, 6), strides=(0, 1)),
                           of_w(f"[{2**40}, 6] has {6 * 2**40} elements, its storage 6: it repeats them; save it after .contiguous()")),
        "tensor_empty_but_far": (w(shape=(0,), strides=(1,), count=2**62),
                                 of_w("F32 [0] exceeds 2^63 bytes" + AGAIN)),
        "storage_count_lies": (w(count=2**61, offset=2**60), of_w("F32 [2, 3] exceeds 2^63 bytes" + AGAIN)),
        "storage_twice": (saved(pickles.state_dict(w=pickles.tensor(), v=pickles.tensor(count=7))),
                          '{}: data.pkl, byte 236: persistent id: storage "0" has 7 elements here and had 6, or another type' + AGAIN),
    }


def legacy_file(version=None, machine=None, body=None, keys=None, count=6, data=bytes(24)):
    magic = pickles.whole(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
    version = pickles.whole(pickles.number(1001)) if version is None else version
    machine = pickles.whole(b"}" + pickles.text("little_endian") + b"\x88s") if machine is None else machine
    body = pickles.state_dict(w=pickles.tensor(legacy=True)) if body is None else body
    keys = pickles.whole(b"]" + pickles.text("0") + b"a") if keys is None else keys
    return magic + version + machine + body + keys + struct.pack("<q", count) + data


def legacy():
    none = pickles.whole(b"]")
    return {
        "legacy_version": (legacy_file(version=pickles.whole(pickles.number(1002))), "{}: another version than 1001" + AGAIN),
        "legacy_magic": (pickles.whole(pickles.number(7)),
                         "{}: a pickle that is not PyTorch's; save the model's state_dict() with torch.save"),
        "legacy_big_endian": (legacy_file(machine=pickles.whole(b"}" + pickles.text("little_endian") + b"\x89s")),
                              "{}: saved on a big-endian machine; save it on a little-endian one"),
        "legacy_machine": (legacy_file(machine=none), "{}: no description of the machine that saved it" + AGAIN),
        "legacy_system": (legacy_file(body=pickles.whole(pickles.system())), no_system("4th pickle, byte 48")),
        "legacy_system_first": (pickles.whole(pickles.system()), no_system("1st pickle, byte 2")),
        "legacy_keys": (legacy_file(keys=pickles.whole(b"}")), "{}: no list of storages" + AGAIN),
        "legacy_key_unknown": (legacy_file(keys=pickles.whole(b"]" + pickles.text("1") + b"a")),
                               "{}: the list of storages has one that the pickle has not" + AGAIN),
        "legacy_key_missing": (legacy_file(keys=none), '{}: storage "0" is not in the file' + AGAIN),
        "legacy_count": (legacy_file(count=5), '{}: storage "0" has 5 elements in the file and 6 in the pickle' + AGAIN),
        "legacy_short": (legacy_file(data=bytes(23)),
                         '{}: storage "0" of 6 elements from 204 on, the file has 235 bytes' + AGAIN),
        "legacy_view": (legacy_file(body=pickles.state_dict(w=pickles.tensor(legacy=True).replace(b"NtQ", b")tQ"))),
                        "{}: 4th pickle, byte 141: persistent id: a part of a storage, as PyTorch before 0.4 saved them; save it again with a "
                        "later one"),
        "gguf": (b"GGUF" + bytes(60), "{}: a GGUF file, which is not read here; give the model that it was made from, as safetensors or PyTorch files"),
        "neither": (b"GGML" + bytes(60), "{}: neither a zip archive nor a pickle; load it with the PyTorch that wrote it and save it again"),
        "empty": (b"", "{}: empty" + AGAIN),
    }


def cases():
    return {name + ".pt": case for name, case in {**zips(), **inner_pickles(), **tensors(), **legacy()}.items()}
