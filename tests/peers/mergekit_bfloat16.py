#!/usr/bin/env python3
"""How far dare-merge and mergekit are apart in bfloat16, and each from the exact result: prints the table of docs/comparison.md, and fails where
they are further apart than it says.

    DARE_BIN=build/programs/bin python3 tests/peers/mergekit_bfloat16.py

A base and three models of 1.57 million elements, base N(0, 0.02^2), deltas N(0, 0.002^2), rounded to bfloat16; recipes with `dtype: bfloat16`, here
with `compat: mergekit`. mergekit drops by masks of its own; here it is given ours, so that the arithmetic alone differs. The exact result is
dare-merge's in float64, rounded once. Each cell: share of elements that differ, the 99th percentile and the maximum of the differences in ULPs (steps
between neighbouring bfloat16 numbers), and the largest absolute difference.
Needs mergekit 0.1.5, torch, safetensors and numpy; exit code 77 (skipped) without them.
"""
import contextlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import typing
import warnings

from llama import Llama

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")
try:
    import numpy
    import torch
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.merge_methods import generalized_task_arithmetic
    from mergekit.options import MergeOptions
    from mergekit.sparsify import rescaled_masked_tensor
    from safetensors.torch import load_file, save_file
except ImportError as error:
    print(f"mergekit_bfloat16: skipped: {error}; pip install mergekit==0.1.5", file=sys.stderr)
    sys.exit(77)

PROGRAMS = pathlib.Path(os.environ["DARE_BIN"]).resolve()
MODEL = Llama(256, 512, 2, 512, "bfloat16")
MODELS = ("m0", "m1", "m2")
WEIGHTS = (0.5, 0.7, 0.3)  # no weights that make exact ties between two bfloat16 frequent
# title, merge_method, density, parameters
CASES = (
    ("linear", "linear", None, {}),
    ("task_arithmetic", "task_arithmetic", None, {}),
    ("ties, density 0.5", "ties", 0.5, {}),
    ("dare_linear, density 0.5", "dare_linear", 0.5, {}),
    ("dare_linear, density 0.1", "dare_linear", 0.1, {}),
    ("dare_ties, density 0.1", "dare_ties", 0.1, {}),
    ("dare_linear, density 0.1, rescale: false", "dare_linear", 0.1, {"rescale": False}),
)


def program(name, *words):
    subprocess.run([PROGRAMS / name, *words], check=True, capture_output=True)


def make_family():
    draw = torch.Generator().manual_seed(1)
    base = {name: torch.normal(0, 0.02, shape, generator=draw) for name, shape in MODEL.shapes()}
    family = {"base": base, **{model: {name: b + torch.normal(0, 0.002, b.shape, generator=draw) for name, b in base.items()} for model in MODELS}}
    for model, tensors in family.items():
        os.mkdir(model)
        family[model] = {name: tensor.bfloat16() for name, tensor in tensors.items()}
        save_file(family[model], f"{model}/model.safetensors", {"format": "pt"})
        pathlib.Path(model, "config.json").write_text(json.dumps(MODEL.config))
        program("dare-convert", model, f"wide-{model}.safetensors", "--dtype", "F64")
    return family


def ours(recipe, output, wide=False):
    own = json.loads(json.dumps(recipe))
    if wide:
        own["dtype"] = "float64"
        if "base_model" in own:
            own["base_model"] = "wide-base.safetensors"
        for entry in own["models"]:
            entry["model"] = f"wide-{entry['model']}.safetensors"
    pathlib.Path("recipe.yml").write_text(json.dumps(own))
    program("dare-merge", "recipe.yml", output, "--compat", "mergekit", "--overwrite", "--progress", "off")
    return load_file(output)


def masks(family, density):
    """What dare-merge keeps of each delta, by the delta's bytes. Where a delta is 0 it does not matter what a mask says."""
    found = {}
    for stream, model in enumerate(MODELS):
        recipe = {"merge_method": "dare_linear", "base_model": "base", "parameters": {"rescale": False}, "models": [{"model": model, "stream": stream, "parameters": {"density": density}}]}
        kept = ours(recipe, "mask.safetensors", wide=True)
        for name, base in family["base"].items():
            found[key(family[model][name] - base)] = kept[name] != base.double()
    return found


def key(delta):
    return delta.contiguous().view(torch.int16).numpy().tobytes()


def theirs(recipe, folder, masks_of_deltas):
    original = generalized_task_arithmetic.sparsify

    def sparsify(delta, density, method, rescale_norm=None, **more):
        if method != "random":
            return original(delta, density=density, method=method, rescale_norm=rescale_norm, **more)
        return rescaled_masked_tensor(delta, masks_of_deltas[key(delta)].to(delta.dtype), rescale_norm)

    generalized_task_arithmetic.sparsify = sparsify
    try:
        with open(os.devnull, "w", encoding="utf-8") as quiet, contextlib.redirect_stderr(quiet):
            run_merge(MergeConfiguration.model_validate(recipe), folder, MergeOptions(quiet=True, write_model_card=False, copy_tokenizer=False))
    finally:
        generalized_task_arithmetic.sparsify = original
    tensors = {}
    for path in pathlib.Path(folder).glob("*.safetensors"):
        tensors.update(load_file(path))
    return tensors


def flat(tensors):
    return torch.cat([tensors[name].flatten() for name in sorted(tensors)])


def steps(values):
    """Each bfloat16 as its place in their order, so that a difference is one in ULPs."""
    bits = values.view(torch.int16).numpy().astype(numpy.int32)
    return numpy.where(bits < 0, -(bits & 0x7FFF), bits)


def apart(a, b):
    off = numpy.abs(steps(a) - steps(b))
    largest = (a.double() - b.double()).abs().max().item()
    return Apart(100 * numpy.count_nonzero(off) / off.size, numpy.percentile(off, 99), int(off.max()), largest)


class Apart(typing.NamedTuple):
    percent: float  # of the elements differ
    ulps: float  # 99 % are within
    most_ulps: int
    largest: float

    def __str__(self):
        return f"{self.percent:.2g} %, {self.ulps:.0f}, {self.most_ulps}, {self.largest:.1g}"


def claimed():
    """The rows of the table in docs/comparison.md, by their titles: what differs, in percent, ULPs and absolutely, and what is not exact."""
    text = pathlib.Path(__file__).resolve().parents[2].joinpath("docs/comparison.md").read_text(encoding="utf-8")
    found = {}
    for line in text.split("**Measured, mergekit in bfloat16**")[1].split("\n\n")[1].splitlines()[2:]:
        title, *cells = [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        found[title] = [float(cell.removesuffix(" %")) for cell in cells]
    return found


def exceeded(title, claims, between, theirs_off, ours_off):
    """What of a row is more than its claims. They are rounded: to two digits in percent, to one in the largest difference."""
    measured = (between.percent, between.ulps, between.largest, theirs_off.percent, ours_off.percent)
    allowed = [claim * factor for claim, factor in zip(claims, (1.05, 1, 1.5, 1.05, 1.05), strict=True)]
    names = ("% of elements differ", "ULPs hold 99 %", "is the largest difference", "% of mergekit's are not exact", "% of dare-merge's are not exact")
    return [f"{title}: {value:.3g} {name}, docs/comparison.md says {claim:g}" for value, most, name, claim in zip(measured, allowed, names, claims) if round(value, 9) > most]


def main():
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="dare-bfloat16.") as folder:
        os.chdir(folder)
        family = make_family()
        claims, wrong = claimed(), []
        assert sorted(claims) == sorted(title for title, *_ in CASES), sorted(claims)
        print("| recipe | differ from each other | mergekit from exact | dare-merge from exact |\n|---|---|---|---|")
        for number, (title, method, density, parameters) in enumerate(CASES):
            of_models = [{"model": model, "parameters": {"weight": weight, **({} if density is None else {"density": density})}} for model, weight in zip(MODELS, WEIGHTS)]
            recipe = {"merge_method": method, "models": of_models, "parameters": parameters, "dtype": "bfloat16"}
            if method != "linear":
                recipe["base_model"] = "base"
            mine = flat(ours(recipe, "ours.safetensors"))
            exact = flat(ours(recipe, "exact.safetensors", wide=True)).bfloat16()
            their = flat(theirs(recipe, f"theirs{number}", masks(family, density) if method.startswith("dare") else {}))
            row = [apart(*pair) for pair in ((mine, their), (their, exact), (mine, exact))]
            print(f"| {title} |", " | ".join(map(str, row)), "|", flush=True)
            wrong += exceeded(title, claims[title], *row)
        os.chdir("/")
    if wrong:
        sys.exit("\n".join(["mergekit_bfloat16: further apart than docs/comparison.md says:", *wrong]))


if __name__ == "__main__":
    main()
