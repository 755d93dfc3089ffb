#!/usr/bin/env python3
"""dare-merge beside mergekit, recipe by recipe, on a small float32 Llama.

Every element may differ by 2^-22 * (|B| + sum of |c_k delta_k|): both programs round in float32, not in the same order. c_k is the weight with
lambda, the rescale factor and the divisor of `normalize`, no less than the weight.
What is compared has no random mask (density 1), or a selection by magnitude: the masks of the two programs are not the same.

Two things differ, and are kept apart here:
- gradients: tensors after the layers take the last value, in mergekit the first;
- karcher: mergekit adds base_model to the points where the recipe does not list it; here the models listed are the points.
mergekit's steps of karcher are in float32; its own function in float64 is what is held to the bound above.
Needs DARE_BIN and the Python packages mergekit 0.1.5, torch, safetensors and numpy; exit code 77 (skipped) without them.
"""
import contextlib
import itertools
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
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
    from mergekit.merge_methods.karcher import karcher_merge_tensors
    from mergekit.options import MergeOptions
    from safetensors.numpy import load_file, save_file
except ImportError as error:
    print(f"mergekit_peer: skipped: {error}; pip install mergekit==0.1.5", file=sys.stderr)
    sys.exit(77)

PROGRAM = pathlib.Path(os.environ["DARE_BIN"]) / "dare-merge"
MODEL = Llama(48, 80, 2, 96, "float32")


def models(*settings, base=False):
    """Entries m0, m1, ... with their parameters; the base among them first, where mergekit wants it there."""
    return ([{"model": "base"}] if base else []) + [{"model": f"m{k}", "parameters": one} for k, one in enumerate(settings)]


W = ({"weight": 0.5}, {"weight": 0.8}, {"weight": 0.3})


def with_density(*densities, **more):
    return models(*({**w, "density": d, **more} for w, d in zip(W, densities)))


def l1_factor(delta, density, parameters):
    if not parameters.get("rescale", False):
        return 1
    sizes = numpy.sort(numpy.abs(delta), axis=None)[::-1]
    return sizes.sum() / sizes[: max(1, int(density * sizes.size))].sum()


# merge_method, models, parameters, whether the recipe has a base
CASES = {
    "task_arithmetic": ("task_arithmetic", models(*W), {"lambda": 0.7}),
    "task_arithmetic, normalized": ("task_arithmetic", models(*W), {"normalize": True}),
    "task_arithmetic, gradient and filter": ("task_arithmetic", models({"weight": [0.1, 0.9]}, {"weight": [{"filter": "mlp", "value": 0.7}, {"value": 0.2}]}), {}),
    "ties": ("ties", with_density(0.3, 0.6, 0.9), {}),
    "ties, not normalized": ("ties", with_density(0.3, 0.6, 0.9), {"normalize": False, "lambda": 1.5}),
    "ties, rescaled": ("ties", with_density(0.2, 0.5, 0.5), {"rescale": True}),
    "ties, density 1 and 0": ("ties", with_density(1, 0, 0.001), {}),
    "ties, weights of both signs": ("ties", models({"weight": 0.5, "density": 0.5}, {"weight": -0.7, "density": 0.4}), {}),
    "dare_linear at density 1": ("dare_linear", with_density(1, 1), {}),
    "dare_ties at density 1": ("dare_ties", with_density(1, 1, 1), {}),
    "della at density 1": ("della", with_density(1, 1, 1), {}),
    "della_linear at density 1": ("della_linear", with_density(1, 1), {}),
    "breadcrumbs": ("breadcrumbs", with_density(0.4, 0.6, gamma=0.05), {}),
    "breadcrumbs, more outliers than are dropped": ("breadcrumbs", with_density(0.95, 0.9, gamma=0.2), {}),
    "breadcrumbs_ties": ("breadcrumbs_ties", with_density(0.4, 0.6, 0.5), {}),
    "linear": ("linear", models(*W), {}, False),
    "linear with the base among the models": ("linear", [{"model": "base", "parameters": {"weight": 0.4}}, *models(*W)], {}, False),
    "slerp": ("slerp", models({}, base=True), {"t": 0.3}),
    "slerp, t by tensors": ("slerp", models({}, base=True), {"t": [{"filter": "self_attn", "value": [0, 0.5, 1]}, {"value": 0.6}]}),
    "nearswap": ("nearswap", models({}, base=True), {"t": 0.001}),
    "model_stock": ("model_stock", models({}, {}, {}), {}),
    "model_stock by rows": ("model_stock", models({}, {}, {}), {"filter_wise": True}),
    "sce": ("sce", models({}, {}, {}), {}),
    "sce, selecting": ("sce", models({}, {}, {}), {"select_topk": 0.4}),
    "karcher": ("karcher", models({}, {}, {}), {}, False),
    "karcher with the base": ("karcher", models({}, {}, base=True), {}),
}


class Peer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dare-mergekit.")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        draw = numpy.random.default_rng(1)
        cls.base = {name: draw.normal(0, 0.02, shape).astype(numpy.float32) for name, shape in MODEL.shapes()}
        cls.tuned = [{name: (b + draw.normal(0, 0.002, b.shape)).astype(numpy.float32) for name, b in cls.base.items()} for _ in range(3)]
        for name, tensors in (("base", cls.base), *((f"m{k}", tuned) for k, tuned in enumerate(cls.tuned))):
            path = pathlib.Path(cls.folder, name)
            path.mkdir()
            save_file(tensors, path / "model.safetensors", {"format": "pt"})
            (path / "config.json").write_text(json.dumps(MODEL.config))
        os.chdir(cls.folder)
        logging.disable(logging.WARNING)

    def theirs(self, recipe, name):
        with open(os.devnull, "w", encoding="utf-8") as quiet, contextlib.redirect_stderr(quiet):
            run_merge(MergeConfiguration.model_validate(recipe), f"theirs/{name}", MergeOptions(quiet=True, write_model_card=False, copy_tokenizer=False))
        tensors = {}
        for path in pathlib.Path("theirs", name).glob("*.safetensors"):
            tensors.update(load_file(path))
        return tensors

    def ours(self, recipe, name):
        pathlib.Path("recipe.yml").write_text(json.dumps(recipe))
        subprocess.run([PROGRAM, "recipe.yml", f"ours-{name}.safetensors", "--compat", "mergekit", "--progress", "off"], check=True, capture_output=True)
        return load_file(f"ours-{name}.safetensors")

    def points(self, recipe, name):
        return [(self.base if entry["model"] == "base" else self.tuned[int(entry["model"][1:])])[name].astype(numpy.float64) for entry in recipe["models"]]

    def allowed(self, recipe, name):
        """The bound of one tensor's elements. Weights that are not one number count as 1."""
        base = self.base[name].astype(numpy.float64)
        parameters = recipe["parameters"]
        weights, change = [], 0
        for entry, point in zip(recipe["models"], self.points(recipe, name)):
            own = entry.get("parameters", {})
            weight = own.get("weight", 1)
            weights.append(weight if isinstance(weight, float) else 1)
            change = change + abs(weights[-1]) * l1_factor(point - base, own.get("density", 1), parameters) * numpy.abs(point - base)
        least = min(abs(sum(some)) for n in range(1, len(weights) + 1) for some in itertools.combinations(weights, n))
        divisor = least if recipe["merge_method"] == "ties" and parameters.get("normalize", True) else 1
        return 2.0**-22 * (numpy.abs(base) + max(1, parameters.get("lambda", 1) / divisor) * change)

    def compare(self, title, method, entries, parameters, base=True):
        recipe = {"merge_method": method, "models": entries, "parameters": parameters, "dtype": "float32", **({"base_model": "base"} if base else {})}
        name = "".join(c if c.isalnum() else "-" for c in title)
        theirs, ours = self.theirs(recipe, name), self.ours(recipe, name)
        self.assertEqual(set(theirs), set(ours))
        self.assertGreater(max(float(numpy.abs(mine - self.base[tensor]).max()) for tensor, mine in ours.items()), 0)
        worst, where = 0.0, ""
        for tensor, mine in ours.items():
            if "gradient" in title and tensor in ("model.norm.weight", "lm_head.weight"):
                continue
            other = theirs[tensor]
            if method == "karcher":
                points = [torch.from_numpy(point) for point in self.points(recipe, tensor)]
                self.assertLess(numpy.abs(mine - other).max(), 8 * self.allowed(recipe, tensor).max())
                other = karcher_merge_tensors(points, [1 / len(points)] * len(points)).numpy()
            off = numpy.abs(mine.astype(numpy.float64) - other) / self.allowed(recipe, tensor)
            if off.max() > worst:
                worst, where = float(off.max()), f"{tensor}{list(map(int, numpy.unravel_index(off.argmax(), off.shape)))}"
        print(f"mergekit_peer: {title}: largest difference {worst:.3f} of what is allowed, at {where}", file=sys.stderr)
        return worst, where

    def test_every_recipe(self):
        for title, case in CASES.items():
            with self.subTest(recipe=title):
                worst, where = self.compare(title, *case)
                self.assertLessEqual(worst, 1, where)

    def test_one_slice_of_all_layers(self):
        """Both take it for the list of models that it is."""
        recipe = {"merge_method": "slerp", "base_model": "base", "parameters": {"t": 0.3}, "dtype": "float32"}
        listed = {**recipe, "models": [{"model": "base"}, {"model": "m0"}]}
        sliced = {**recipe, "slices": [{"sources": [{"model": name, "layer_range": [0, MODEL.layers]} for name in ("base", "m0")]}]}
        for merge in (self.theirs, self.ours):
            a, b = merge(listed, "listed"), merge(sliced, "sliced")
            self.assertEqual(set(a), set(b))
            for name, tensor in a.items():
                self.assertTrue(numpy.array_equal(tensor, b[name]), name)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main(warnings="ignore")
