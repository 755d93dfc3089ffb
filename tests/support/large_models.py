"""Models of the size that clusters merge, as sparse files: whole headers, no weights on the disk.

  python3 tests/support/large_models.py dense|moe|shards FOLDER

makes FOLDER/base, FOLDER/a, FOLDER/b and FOLDER/c, Hugging Face folders in bfloat16 whose tensors have the names and shapes of
  dense  a Llama 3.1 of 405 B parameters: 126 layers, 1,137 tensors
  moe    a mixture of 384 experts a layer in 61 layers, 1.03 T parameters, 69,975 tensors
  shards 100,000 small tensors in 1,000 files
They plan, convert with --link and show headers; merged, they are zeros.
"""

import json
import math
import os
import sys

from safetensors_file import described, framed

SHARD_BYTES = 5 * 10**9


def dense():
    hidden, inner, words, kv = 16384, 53248, 128256, 1024
    yield "model.embed_tokens.weight", (words, hidden)
    for layer in range(126):
        block = f"model.layers.{layer}."
        yield block + "input_layernorm.weight", (hidden,)
        yield block + "mlp.down_proj.weight", (hidden, inner)
        yield block + "mlp.gate_proj.weight", (inner, hidden)
        yield block + "mlp.up_proj.weight", (inner, hidden)
        yield block + "post_attention_layernorm.weight", (hidden,)
        yield block + "self_attn.k_proj.weight", (kv, hidden)
        yield block + "self_attn.o_proj.weight", (hidden, hidden)
        yield block + "self_attn.q_proj.weight", (hidden, hidden)
        yield block + "self_attn.v_proj.weight", (kv, hidden)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (words, hidden)


def feed_forward(name, hidden, inner):
    yield name + ".gate_proj.weight", (inner, hidden)
    yield name + ".up_proj.weight", (inner, hidden)
    yield name + ".down_proj.weight", (hidden, inner)


def moe():
    hidden, words, heads = 7168, 163840, 64
    yield "model.embed_tokens.weight", (words, hidden)
    for layer in range(61):
        block = f"model.layers.{layer}."
        yield block + "input_layernorm.weight", (hidden,)
        yield block + "post_attention_layernorm.weight", (hidden,)
        yield block + "self_attn.q_a_proj.weight", (1536, hidden)
        yield block + "self_attn.q_a_layernorm.weight", (1536,)
        yield block + "self_attn.q_b_proj.weight", (heads * 192, 1536)
        yield block + "self_attn.kv_a_proj_with_mqa.weight", (576, hidden)
        yield block + "self_attn.kv_a_layernorm.weight", (512,)
        yield block + "self_attn.kv_b_proj.weight", (heads * 256, 512)
        yield block + "self_attn.o_proj.weight", (hidden, heads * 128)
        if layer == 0:
            yield from feed_forward(block + "mlp", hidden, 18432)
            continue
        yield block + "mlp.gate.weight", (384, hidden)
        yield block + "mlp.gate.e_score_correction_bias", (384,)
        for expert in ["shared_experts", *(f"experts.{number}" for number in range(384))]:
            yield from feed_forward(f"{block}mlp.{expert}", hidden, 2048)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (words, hidden)


def many_shards():
    for number in range(100_000):
        yield f"model.layers.{number // 100}.mlp.experts.{number % 100}.down_proj.weight", (2, 8)


KINDS = {"dense": (dense, SHARD_BYTES), "moe": (moe, SHARD_BYTES), "shards": (many_shards, 100 * 2 * 16)}


def shards(tensors, most):
    """Runs of tensors of at most so many bytes: {name: (dtype, shape, bytes)} and their bytes."""
    shard, size = {}, 0
    for name, shape in tensors:
        bytes_of = 2 * math.prod(shape)
        if shard and size + bytes_of > most:
            yield shard, size
            shard, size = {}, 0
        shard[name] = ("BF16", shape, bytes_of)
        size += bytes_of
    yield shard, size


def write_model(kind, folder):
    os.makedirs(folder)
    tensors, shard_bytes = KINDS[kind]
    parts = list(shards(tensors(), shard_bytes))
    index, total = {}, 0
    for number, (shard, size) in enumerate(parts, 1):
        file_name = f"model-{number:05}-of-{len(parts):05}.safetensors"
        index.update(dict.fromkeys(shard, file_name))
        total += size
        with open(os.path.join(folder, file_name), "wb") as out:
            header = out.write(framed(described(shard)))
            out.truncate(header + size)
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as out:
        json.dump({"metadata": {"total_size": total}, "weight_map": index}, out)


def write_family(kind, folder):
    """base, a, b and c; the fine-tuned ones are the base's files under other names."""
    write_model(kind, os.path.join(folder, "base"))
    for model in "abc":
        os.makedirs(os.path.join(folder, model))
        for name in os.listdir(os.path.join(folder, "base")):
            os.link(os.path.join(folder, "base", name), os.path.join(folder, model, name))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in KINDS:
        sys.exit(__doc__)
    write_family(sys.argv[1], sys.argv[2])
