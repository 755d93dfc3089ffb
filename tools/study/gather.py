#!/usr/bin/env python3
"""Gathers what Fisher merging and RegMean need of the fine-tuned models of a family, as checkpoints of the same names:

  FAMILY/fisher/TASK.safetensors   mean squared gradients of the log-likelihood of answers drawn from the model, scaled so that
                                   their mean over all weights is 1
  FAMILY/gram/TASK.safetensors     X^T X / n of each linear layer's inputs, off-diagonals times 0.9 (as RegMean's authors advise)

  python gather.py FAMILY...       # examples are the training's, never the held-out ones
"""
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from families import EXAMPLES, module, open_family

FISHER_EXAMPLES, GRAM_EXAMPLES, OFF_DIAGONAL = 256, 1000, 0.9


class DigitsProbe:
    """Forward passes of examples/family's model that show the inputs of its linear layers."""

    def __init__(self, family, task):
        self.code, self.task = module(EXAMPLES / "family" / "make_family.py"), task
        pixels, digits = self.code.load_digits(return_X_y=True)
        rest = self.code.np.random.default_rng(20).permutation(len(pixels))[self.code.HELD_OUT:]
        images, labels = torch.tensor(pixels[rest] / 16, dtype=torch.float32), torch.tensor(digits[rest])
        self.images = self.code.task_data(task, images, labels)[0]
        self.images = self.images[torch.randperm(len(self.images))]
        stored = load_file(family.folder / task / "model.safetensors")
        self.weights = {name: tensor.float().requires_grad_() for name, tensor in stored.items()}

    def log_likelihoods(self, count):
        trunk = {name: tensor for name, tensor in self.weights.items() if not name.startswith("heads.")}
        for image in self.images[:count]:
            scores = F.log_softmax(self.code.trunk(trunk, image[None]) @ self.weights[f"heads.{self.task}.weight"].T, -1)
            yield scores[0, torch.multinomial(scores[0].exp().detach(), 1)].sum()

    def inputs(self, count):
        """{weight: rows of its layer's input}. Heads are the same in all models and need none."""
        w, x = {name: tensor.detach() for name, tensor in self.weights.items()}, self.images[:count]
        seen, h = {"embed.weight": x}, x @ w["embed.weight"].T + w["embed.bias"]
        for b in range(sum(name.endswith("up.bias") for name in w)):
            g = F.rms_norm(h, h.shape[-1:], w[f"blocks.{b}.norm.weight"], 1e-6)
            up = F.relu(g @ w[f"blocks.{b}.up.weight"].T + w[f"blocks.{b}.up.bias"])
            seen |= {f"blocks.{b}.up.weight": g, f"blocks.{b}.down.weight": up}
            h = h + up @ w[f"blocks.{b}.down.weight"].T
        return seen


class TinyLmProbe:
    """The same of a decoder, on fresh prompts of its task; only the answers' tokens count."""

    def __init__(self, family, task):
        self.code = module(EXAMPLES / "tinylm" / "tasks.py")
        held_out = {prompt for pairs in self.code.held_out().values() for prompt, _ in pairs}
        self.examples = self.code.Mixture({task: 1}, held_out, seed=30).draw(max(FISHER_EXAMPLES, GRAM_EXAMPLES))
        self.model = AutoModelForCausalLM.from_pretrained(family.folder / task, dtype=torch.float32)
        self.weights = dict(self.model.named_parameters())

    def log_likelihoods(self, count):
        for example in self.examples[:count]:
            tokens, labels = map(torch.tensor, self.code.encoded([example]))
            scores = F.log_softmax(self.model(input_ids=tokens).logits[0, :-1][labels[0, 1:] >= 0], -1)
            yield scores.gather(1, torch.multinomial(scores.exp().detach(), 1)).sum()

    def inputs(self, count):
        tokens, _ = self.code.encoded(self.examples[:count])
        tokens = torch.tensor(tokens)
        real, seen = tokens != self.code.NUMBERS[self.code.PAD], {}
        hooks = [layer.register_forward_hook(lambda _, x, __, name=name: seen.update({f"{name}.weight": x[0][real]}))
                 for name, layer in self.model.named_modules() if isinstance(layer, torch.nn.Linear)]
        with torch.no_grad():
            self.model(input_ids=tokens)
        for hook in hooks:
            hook.remove()
        return seen


def fisher(probe):
    sums = {name: torch.zeros_like(tensor) for name, tensor in probe.weights.items()}
    for likelihood in probe.log_likelihoods(FISHER_EXAMPLES):
        names = list(probe.weights)
        gradients = torch.autograd.grad(likelihood, [probe.weights[name] for name in names], allow_unused=True)
        for name, gradient in zip(names, gradients):
            if gradient is not None:
                sums[name] += gradient.detach() ** 2
    mean = sum(t.sum() for t in sums.values()) / sum(t.numel() for t in sums.values())
    return {name: (tensor.detach() / mean).contiguous() for name, tensor in sums.items()}


def gram(x):
    product = x.T @ x / len(x)
    diagonal = product.diagonal() + 1e-6 * product.diagonal().mean()  # an input that is always 0 leaves its weights undetermined
    product = product * OFF_DIAGONAL
    product.diagonal().copy_(diagonal)
    return product.contiguous()


def main():
    for name in sys.argv[1:]:
        family = open_family(pathlib.Path(name))
        for kind in ("fisher", "gram"):
            (family.folder / kind).mkdir(exist_ok=True)
        for task in family.tasks:
            torch.manual_seed(40)
            probe = (TinyLmProbe if family.title == "tinylm" else DigitsProbe)(family, task)
            save_file(fisher(probe), family.folder / "fisher" / f"{task}.safetensors")
            save_file({weight: gram(x) for weight, x in probe.inputs(GRAM_EXAMPLES).items()}, family.folder / "gram" / f"{task}.safetensors")
        print(f"{name}: Fisher weights and Gram matrices of {', '.join(family.tasks)}", flush=True)


if __name__ == "__main__":
    main()
