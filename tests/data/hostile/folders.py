"""Hostile Hugging Face folders: indices that name what they must not, links out of the folder."""
import json

import safetensors

MODEL = "model.safetensors"
INDEX = "model.safetensors.index.json"
AGAIN = "; fetch the model again"
NOTHING = ("{}: none of model.safetensors.index.json, model.safetensors, pytorch_model.bin.index.json, pytorch_model.bin is in this "
           "folder; give a Hugging Face model folder")
NO_INDEX = "{}/" + INDEX + ": no valid index (*); fetch the file again"


def index(weight_map):
    return json.dumps({"weight_map": weight_map}).encode()


def pointing_to(shard):
    return ({INDEX: index({"w": shard}), MODEL: safetensors.one()},
            "{}/" + INDEX + f': tensor "w": shard {json.dumps(shard)} is no file of this folder')


def link_out(name, target, real):
    return "{}/" + name + ": a symbolic link out of its folder, to {/}/" + real + "; put the file itself there"


def cases():
    a, b = "a.safetensors", "b.safetensors"
    both = {a: safetensors.one(), b: safetensors.one()}
    outside = "../../safetensors/hole.safetensors"
    return {
        "nothing": ({"config.json": b"{}"}, NOTHING),
        "shard_above": pointing_to("../x.safetensors"),
        "shard_absolute": pointing_to("/etc/passwd"),
        "shard_empty": pointing_to(""),
        "shard_dot": pointing_to("."),
        "shard_dots": pointing_to(".."),
        "shard_nul": pointing_to("model.safetensors\0.txt"),
        "shard_missing": ({INDEX: index({"w": a})}, "{}/" + a + ": the index names this shard, it is not there; fetch it"),
        "shard_is_a_folder": ({INDEX: index({"w": a}), a: {"x": b""}}, "{}/" + a + ": no regular file; put the file itself there"),
        "shard_number": ({INDEX: index({"w": 1})}, NO_INDEX),
        "index_of_nothing": ({INDEX: index({}), "config.json": b"{}"}, "{}/" + INDEX + ": no valid index (no tensor in its weight_map); fetch the file again"),
        "index_of_lists": ({INDEX: b'{"weight_map": [' + b"[]," * 1000 + b"1]}"}, "{}/" + INDEX + ": no valid index (weight_map is no object); fetch the file again"),
        "index_names_twice": ({INDEX: b'{"weight_map": {"w": "a", "w": "b"}}'}, "{}/" + INDEX + ': no valid index ("w" stands twice); fetch the file again'),
        "index_of_a_strange_name": ({INDEX: index({"w\n": MODEL}), MODEL: safetensors.one()},
                                    "{}/" + INDEX + ': no valid index (tensor "w\\x0a": the name has control characters); fetch the file again'),
        "index_without_map": ({INDEX: b"{}"}, NO_INDEX),
        "index_array": ({INDEX: b"[]"}, NO_INDEX),
        "index_cut": ({INDEX: b'{"weight_map": {"w": "a'}, NO_INDEX),
        "index_names_absent_tensor": ({INDEX: index({"w": a, "v": a}), a: safetensors.one()},
                                      "{}/" + a + ': tensor "v" is listed in the index and not in the file' + AGAIN),
        "index_omits_tensor": ({INDEX: index({"v": a}), a: safetensors.one()},
                               "{}/" + a + ': tensor "w": the index places it in no shard' + AGAIN),
        "index_names_other_shard": ({INDEX: index({"w": a, "v": b}), a: safetensors.one(name="v"), b: safetensors.one()},
                                    "{}/" + a + f': tensor "v": the index places it in {b}' + AGAIN),
        "tensor_in_two_shards": ({INDEX: index({"w": a, "v": b}), **both}, "{}/" + b + ': tensor "w" is in another shard too' + AGAIN),
        "model_links_out": ({MODEL: outside}, link_out(MODEL, outside, "safetensors/hole.safetensors")),
        "model_links_nowhere": ({MODEL: "nowhere"}, "{}/model.safetensors: a symbolic link to nowhere that cannot be followed (No such file or directory); "
                                                 "put the file itself there, or remove the link"),
        "model_links_itself": ({MODEL: MODEL}, "{}: cannot be read: Too many levels of symbolic links"),
        "index_links_out": ({INDEX: "../shard_above/" + INDEX}, link_out(INDEX, "", "folders/shard_above/" + INDEX)),
        "shard_links_out": ({INDEX: index({"w": a}), a: outside}, link_out(a, outside, "safetensors/hole.safetensors")),
        "config_links_out": ({MODEL: safetensors.one(), "config.json": "../../make.py"}, link_out("config.json", "", "make.py")),
        "pytorch_links_out": ({"pytorch_model.bin": "../../pytorch/empty.pt"},
                              link_out("pytorch_model.bin", "", "pytorch/empty.pt")),
    }
