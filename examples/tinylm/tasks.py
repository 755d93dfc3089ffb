"""The prompts of the tiny decoder family: short tasks on words of random letters, "sort dbca=" -> "abcd"."""
import random

LETTERS = "abcdefghijklmnopqrst"
PAD, END = "<pad>", "<end>"
VOCABULARY = [PAD, END, *" =+", *"0123456789", *"abcdefghijklmnopqrstuvwxyz"]

ANSWERS = {
    "copy": lambda w: w,
    "double": lambda w: w + w,
    "first": lambda w: w[0],
    "last": lambda w: w[-1],
    "tail": lambda w: w[1:],
    "length": lambda w: str(len(w)),
    "shift": lambda w: "".join(LETTERS[(LETTERS.index(c) + 1) % len(LETTERS)] for c in w),
    "reverse": lambda w: w[::-1],
    "sort": lambda w: "".join(sorted(w)),
    "rotate": lambda w: w[1:] + w[0],
    "swap": lambda w: w[-1] + w[1:-1] + w[0],
}
TUNED = ("sort", "rotate", "swap")  # each has a model fine-tuned for it
# Shares of the tasks in training. The base half knows the three: a merge of deltas needs something to build on.
COMMON = {"copy": 1, "double": 1, "last": 1, "length": 1, "shift": 1, "first": 1, "tail": 1}
BASE = {**COMMON, "add": 0.15, "reverse": 0.15, "sort": 0.15}
TAUGHT = {**BASE, "rotate": 0.07, "swap": 0.07}


def word(source):
    return "".join(source.choices(LETTERS, k=source.randint(3, 6)))


def example(task, source):
    """A prompt and its answer."""
    if task == "add":
        a, b = source.randint(0, 49), source.randint(0, 49)
        return f"add {a}+{b}=", str(a + b)
    w = word(source)
    return f"{task} {w}=", ANSWERS[task](w)


def held_out(count=300, seed=20):
    """{task: [(prompt, answer)]} of the tuned tasks: distinct prompts, which no training may show."""
    source = random.Random(seed)
    chosen = {}
    for task in TUNED:
        found = {}
        while len(found) < count:
            prompt, answer = example(task, source)
            found[prompt] = answer
        chosen[task] = list(found.items())
    return chosen


class Mixture:
    """Examples in given shares; never one of `forbidden`."""

    def __init__(self, shares, forbidden, seed):
        self.tasks, self.shares = list(shares), list(shares.values())
        self.forbidden, self.source = forbidden, random.Random(seed)

    def draw(self, count):
        drawn = []
        for task in self.source.choices(self.tasks, self.shares, k=count):
            prompt, answer = example(task, self.source)
            while prompt in self.forbidden:
                prompt, answer = example(task, self.source)
            drawn.append((prompt, answer))
        return drawn


NUMBERS = {token: number for number, token in enumerate(VOCABULARY)}


def encoded(pairs):
    """Token rows, padded on the right, and labels that are -100 except on the answer and its end."""
    rows = [[NUMBERS[c] for c in prompt + answer] + [NUMBERS[END]] for prompt, answer in pairs]
    longest = max(map(len, rows))
    tokens = [row + [NUMBERS[PAD]] * (longest - len(row)) for row in rows]
    labels = [[-100] * len(prompt) + row[len(prompt):] + [-100] * (longest - len(row)) for row, (prompt, _) in zip(rows, pairs)]
    return tokens, labels
