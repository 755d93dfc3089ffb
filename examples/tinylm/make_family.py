#!/usr/bin/env python3
"""Trains a family of tiny language models: a base and three models fine-tuned from it, as Hugging Face folders.

LlamaForCausalLM over characters, BF16. The base learns short tasks on words ("copy abc=" -> "abc") and half of the three
that it is then tuned for, a model each: sort, rotate, swap. The folder also gets tasks/, 300 prompts a task that no
training has shown, with task files for lm-evaluation-harness.

Needs torch and transformers (requirements.txt).
  python make_family.py --out family               # hidden size 128, 0.8 M weights: about 10 minutes of one core
  python make_family.py --out small --hidden 64    # a smaller model
  python make_family.py --out other --tune-lr 2e-4 --base family/base    # other deltas from a base that is there
"""
import argparse
import json
import math
import pathlib
import time

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tasks import BASE, COMMON, END, NUMBERS, PAD, TAUGHT, TUNED, VOCABULARY, Mixture, encoded, held_out

TASK_FILE = """\
task: {task}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {task}.jsonl}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["{end}"], max_gen_toks: 16, do_sample: false}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=128, help="a multiple of 32; the feed-forward has three times as many rows")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--base", type=pathlib.Path, help="a base that is there, instead of training one")
    parser.add_argument("--base-steps", type=int, default=1800)
    parser.add_argument("--base-lr", type=float, default=2e-3)
    parser.add_argument("--taught-steps", type=int, default=120, help="that show the base a little of the tasks to come")
    parser.add_argument("--tune-steps", type=int, default=200)
    parser.add_argument("--tune-lr", type=float, default=1e-4)
    return parser.parse_args()


def tokenizer():
    """One token a character."""
    inner = Tokenizer(models.WordLevel(NUMBERS, unk_token=PAD))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(f"{END}|{PAD}|."), "isolated")
    inner.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token=PAD, eos_token=END, model_max_length=64,
                                   padding_side="left", clean_up_tokenization_spaces=False)


def fresh(opts):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(VOCABULARY), hidden_size=opts.hidden, intermediate_size=3 * opts.hidden, num_hidden_layers=opts.layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False,
        bos_token_id=None, eos_token_id=NUMBERS[END], pad_token_id=NUMBERS[PAD]))


def correct(model, pairs):
    """Share of answers that greedy decoding gives whole: each token must be the likeliest after the right ones before it."""
    with torch.no_grad():
        tokens, labels = map(torch.tensor, encoded(pairs))
        found = model(input_ids=tokens).logits[:, :-1].argmax(-1)
        right = (found == labels[:, 1:]) | (labels[:, 1:] < 0)
        return right.all(1).float().mean().item()


def train(model, mixture, steps, batch, rate, warmup=0, last=1.0):
    """Adam, linear warm-up, then a cosine down to `last` times the rate."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    shape = lambda s: min(1, (s + 1) / (warmup + 1)) * (last + (1 - last) * (1 + math.cos(math.pi * s / steps)) / 2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, shape)
    for step in range(steps):
        tokens, labels = map(torch.tensor, encoded(mixture.draw(batch)))
        logits = model(input_ids=tokens).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"  step {step + 1} of {steps}: loss {loss.item():.4f}", flush=True)


def save(model, folder):
    rounded = LlamaForCausalLM(model.config)
    rounded.load_state_dict(model.state_dict())
    rounded.to(torch.bfloat16).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


def load(folder):
    """The model as its file has it: what is tuned from it must have exactly this base."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)


def report(name, model, tests, began):
    print(f"{name}: " + ", ".join(f"{task} {correct(model, tests[task]):.1%}" for task in TUNED)
          + f"; {time.time() - began:.0f} s", flush=True)


def write_tasks(tests, folder):
    """Held-out prompts and answers, and a task file of lm-evaluation-harness for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for task, pairs in tests.items():
        lines = (json.dumps({"prompt": prompt, "answer": answer}) + "\n" for prompt, answer in pairs)
        (folder / f"{task}.jsonl").write_text("".join(lines))
        (folder / f"{task}.yaml").write_text(TASK_FILE.format(task=task, end=END))


def make_base(opts, forbidden):
    model = fresh(opts)
    train(model, Mixture(BASE, forbidden, opts.seed), opts.base_steps, 128, opts.base_lr, warmup=50, last=0.05)
    train(model, Mixture(TAUGHT, forbidden, opts.seed + 1), opts.taught_steps, 128, 5e-4)
    return model


def main():
    opts = arguments()
    torch.set_num_threads(1)  # one thread: the same sums, hence the same files, on any machine of this kind
    torch.manual_seed(opts.seed)
    tests = held_out()
    forbidden = {prompt for pairs in tests.values() for prompt, _ in pairs}
    write_tasks(tests, opts.out / "tasks")
    began = time.time()
    save(load(opts.base) if opts.base else make_base(opts, forbidden), opts.out / "base")
    base = load(opts.out / "base")
    report("base", base, tests, began)
    for number, task in enumerate(TUNED):
        began = time.time()
        model = load(opts.out / "base")
        shares = {**COMMON, **dict.fromkeys(("add", "reverse"), 0.15)}
        shares[task] = sum(shares.values()) / 2  # a third of all: a model of nothing but its task does it on every prompt
        train(model, Mixture(shares, forbidden, opts.seed + 10 + number), opts.tune_steps, 96, opts.tune_lr)
        save(model, opts.out / task)
        model = load(opts.out / task)
        report(task, model, tests, began)
        deltas = torch.cat([(a - b).abs().flatten() for a, b in zip(model.parameters(), base.parameters())])
        print(f"{task}: mean |delta| {deltas.mean():.5f}, largest {deltas.max():.4f}", flush=True)


if __name__ == "__main__":
    main()
