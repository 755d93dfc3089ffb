#!/usr/bin/env python3
"""Makes tests/data/metrics/expected.json: the measures' values as scikit-learn, scipy, numpy and exact fractions give them.

Run with Python packages scikit-learn and scipy:  python3 tests/metrics/make_expected.py
"""
import json
import math
import pathlib
import platform
import random
import warnings
from fractions import Fraction

import numpy
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "metrics" / "expected.json"


def number(x):
    """JSON has no NaN."""
    x = float(x)
    return None if math.isnan(x) else x


def classification(predicted, actual):
    return {
        "predicted": predicted,
        "actual": actual,
        "accuracy": metrics.accuracy_score(actual, predicted),
        "f1": [metrics.f1_score(actual, predicted, labels=[c], average="macro", zero_division=0.0) for c in range(4)],
        "macro_f1": metrics.f1_score(actual, predicted, average="macro", zero_division=0.0),
        "matthews": number(metrics.matthews_corrcoef(actual, predicted)),
    }


def correlation(x, y):
    return {"x": x, "y": y, "pearson": number(stats.pearsonr(x, y).statistic), "spearman": number(stats.spearmanr(x, y).statistic)}


def philox(counter, key):
    """Philox4x32-10 written from the paper, not from the program."""
    c, k, mask = list(counter), list(key), 0xFFFFFFFF
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & mask, (a >> 32) ^ c[3] ^ k[1], a & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def resample(seed, r, n):
    block, words, out = 0, [], []

    def draw():
        nonlocal block, words
        if not words:
            words = philox([block & 0xFFFFFFFF, block >> 32, r & 0xFFFFFFFF, r >> 32], [seed & 0xFFFFFFFF, seed >> 32])
            block += 1
        return words.pop(0)

    while len(out) < n:
        product = draw() * n
        if product % 2**32 >= 2**32 % n:  # else one of the places that would come up once too often
            out.append(product >> 32)
    return out


def bootstrap(values, seed, resamples, confidence):
    means = [numpy.mean([values[i] for i in resample(seed, r, len(values))]) for r in range(resamples)]
    low, high = numpy.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"values": values, "seed": seed, "resamples": resamples, "confidence": confidence, "low": low, "high": high,
            "first": resample(seed, 0, len(values))}


def pass_at_k(n, c, k):
    return {"n": n, "c": c, "k": k, "value": float(1 - Fraction(math.comb(n - c, k), math.comb(n, k)))}


def win_rate(preferences):
    shares = numpy.array([0.5 if p == 0 else p - 1 for p in preferences])
    return {"preferences": preferences, "rate": shares.mean(), "standard_error": number(stats.sem(shares)) if len(shares) > 1 else None}


def main():
    warnings.simplefilter("ignore")  # constant inputs and absent classes are cases here
    draw = random.Random(1)
    labels = lambda n, classes: [draw.randrange(classes) for _ in range(n)]
    ties = lambda n: [draw.randrange(6) * 0.5 for _ in range(n)]
    expected = {
        "made_with": {"python": platform.python_version(), "numpy": numpy.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
        "classification": [classification(labels(n, c), labels(n, c)) for n in (1, 2, 3, 10, 57) for c in (1, 2, 3, 4)]
        + [classification(p, a) for p, a in (([1, 1, 1], [0, 1, 0]), ([0, 1, 0], [1, 1, 1]), ([0, 0], [0, 0]), ([0, 0], [1, 1]), ([2, 2, 3], [0, 0, 1]))],
        "correlation": [correlation(ties(n), ties(n)) for n in (2, 3, 5, 11, 60)]
        + [correlation([draw.gauss(0, 1) for _ in range(n)], [draw.gauss(3, 10) for _ in range(n)]) for n in (2, 3, 40)]
        + [correlation(x, y) for x, y in (([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ([1.0, 2.0, 3.0], [5.0, 5.0, 5.0]), ([1.0, 2.0, 3.0], [-2.0, -4.0, -6.0]),
                                          ([1e9, 1e9 + 1, 1e9 + 2, 1e9], [3.0, 1.0, 2.0, 3.0]), ([1e-200, 2e-200, 4e-200], [1.0, 5.0, 2.0]),
                                          ([1e150, -1e150, 3e150], [1.0, 5.0, 2.0]))],
        "bootstrap": [bootstrap([float(i % 3) for i in range(n)], seed, resamples, confidence)
                      for n, seed, resamples, confidence in ((1, 42, 3, 0.95), (7, 42, 200, 0.95), (23, 2**40 + 5, 100, 0.5))],
        "pass_at_k": [pass_at_k(n, c, k) for n in (1, 2, 5, 20, 200) for c in sorted({0, 1, n // 2, n}) for k in sorted({1, min(n, 10), n})],
        "win_rate": [win_rate(p) for p in ([2], [1, 2], [1, 1.5, 2, 0], [1.1, 1.9, 1.5, 1.25], [1] * 5, [draw.choice([1, 2, 1.5]) for _ in range(50)])],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lines = lambda group: "[\n  " + ",\n  ".join(map(json.dumps, group)) + "\n ]" if isinstance(group, list) else json.dumps(group)
    OUT.write_text("{\n" + ",\n".join(f' {json.dumps(name)}: {lines(group)}' for name, group in expected.items()) + "\n}\n")


if __name__ == "__main__":
    main()
