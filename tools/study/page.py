#!/usr/bin/env python3
"""Draws the figures and writes the page of the study from results.json; every number on it comes from there.

  python page.py results.json docs    # docs/study.md, docs/study/*.svg and *.png
"""
import argparse
import json
import pathlib
import statistics

import claims
import figures
from points import LAMBDAS, MERGE_RATES, RATES, SEEDS, TIES_RATES
from summary import read, spread

INTRODUCTION = """# Does DARE keep the abilities? A study on small models
Made by `tools/study/study`, which trains the models, merges them with `dare-sweep`, scores them with `dare-score`, draws the figures and writes
this page. Every number below is from that run{time}. What is compared is the paper: Yu et al., *Language Models are Super Mario*,
[arXiv 2311.03099](https://arxiv.org/abs/2311.03099).

**digits-W** (`examples/family`): a residual MLP of width W on images of handwritten digits, and three models fine-tuned from it: which digit,
which way up, odd or even. **tinylm-H** (`examples/tinylm`): a Llama decoder of hidden size H over characters, fine-tuned for sorting, rotating and
swapping the letters of a word; scored by exact match of what it generates. All are BF16. Scores are in % on 600 held-out images (turn: 2400) or
300 held-out prompts a task, which no training has seen.
± is the standard deviation over the {seeds} seeds of the masks. *Share of the gain* is (score − base) / (fine-tuned − base), in the mean over
the three tasks. λ, p and TIES' mask are compared on the same held-out examples that are reported, so read differences, not levels.
These are small models and easy tasks: what holds here need not hold for a language model of 13B, and the other way round."""

SCALE = "p is drawn on a scale of log(1 − p), here and wherever the axis says so, to show 0.9, 0.95 and 0.99 apart; bands are the range over the seeds."


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows)])


def picture(name, text):
    return f"![{text}](study/{name}.svg)"


def claims_table(summaries, full):
    digits = [s for s in summaries.values() if s.family == "digits" and s.extent != "control"]
    tiny = [s for s in summaries.values() if s.family == "tinylm" and s.extent != "control"]
    large = [s for s in summaries.values() if s.name.endswith("-large")]
    fit = [summaries[s.name.removesuffix("-large")] for s in large]
    wrong = [s for s in summaries.values() if s.name.endswith("-wrong")]
    found = [claims.nine_tenths(full), claims.ninety_nine(digits, tiny), claims.size(digits, tiny), claims.rescale(full), claims.magnitude(full),
             claims.methods(full), claims.all_abilities(full), claims.beats_single(full), claims.too_large(large, fit), *map(claims.wrong, wrong),
             claims.foretold([*large, *wrong], [*digits, *tiny])]
    return table(["The paper", "Here", ""], [(said, seen, f"**{verdict}**") for said, seen, verdict in found])


def single_table(summary):
    rows = []
    for kind, label in (("dare", "DARE"), ("droponly", "DropOnly"), ("magnitude", "Magnitude")):
        for p, values in summary.curve(kind)[1:]:
            rows.append((label, f"{p}", *(spread(summary.by_seed(task, kind=kind, p=p)) for task in summary.tasks), spread(values)))
    whole = ("fine-tuned", "0", *(f"{summary.whole[task]:.1f}" for task in summary.tasks), f"{summary.level(summary.whole):.1f}")
    base = ("base", "", *(f"{summary.base[task]:.1f}" for task in summary.tasks), f"{summary.level(summary.base):.1f}")
    return table(["", "p", *summary.tasks, "mean"], [base, whole, *rows])


def size_table(summaries):
    rates = (0.5, 0.9, 0.95, 0.99)
    return table(["family", "weights", "mean size of delta", "fine-tuned", *(f"p = {p}" for p in rates), "p that keeps 95 % of the gain"],
                 [(s.name, f"{s.elements():,}", f"{s.mean_abs():.4f}", f"{s.level(s.whole):.1f}",
                   *(spread(s.by_seed(kind="dare", p=p)) for p in rates), s.tolerated_text()) for s in summaries])


def merge_table(summary):
    rows = []
    for method in summary.methods():
        plain = sorted({row["p"] for row in summary.select(method=method, dare=False)})
        cells = [spread(summary.merged(method, False, plain[0])) if plain else "–"]
        rows.append((method, *cells, *(spread(summary.merged(method, True, p)) for p in MERGE_RATES)))
    return table(["method", "without DARE", *(f"DARE p = {p}" for p in MERGE_RATES)], rows)


def best_table(summary):
    scores, label = claims.best_merge(summary)
    labelled = {"base": summary.base, "fine-tuned for the task": summary.whole, f"merged: {label}": scores}
    return table([summary.name, *summary.tasks], [(name, *(f"{of[t]:.1f}" for t in summary.tasks)) for name, of in labelled.items()])


def inspection_table(summaries):
    rows = []
    for s in summaries:
        for one in s.inspection:
            task = one["model"]
            loss = s.whole[task] - statistics.mean(s.by_seed(task, kind="dare", p=0.9))
            rows.append((s.name, task, f"**{one['verdict']}**", f"{one['mean_abs']:.4f}", f"{one['cosine']:.3f}", f"{one['noise_0.9']:.2f}",
                         f"{s.whole[task]:.1f}", f"{loss:.1f}"))
    return table(["family", "model", "dare-inspect", "mean size of delta", "cosine with base", "noise 0.9", "score at p = 0",
                  "points lost at p = 0.9"], rows)


def control_merges(summaries):
    rows = []
    for s in summaries:
        for method in s.methods():
            if method == "Task Arithmetic λ = 1":
                rows.append((s.name, f"{s.level(s.whole):.1f}", spread(s.merged(method, False, 0)), spread(s.merged(method, True, 0.9))))
    return table(["family", "three single models", "all in one, p = 0", "all in one, p = 0.9"], rows)


def page(summaries, time):
    full = [s for s in summaries.values() if s.extent == "full"]
    sized = [s for s in summaries.values() if s.extent != "control"]
    controls = [s for s in summaries.values() if s.extent == "control"]
    beside = [summaries[name] for name in dict.fromkeys("-".join(s.name.split("-")[:2]) for s in controls)]
    parts = [
        INTRODUCTION.format(seeds=len(SEEDS), time=time),
        "## What agrees with the paper and what does not", claims_table(summaries, full),
        "## Score against drop rate", SCALE, picture("score", "Score against drop rate, DARE on single models"),
        "## DARE, DropOnly and magnitude pruning", picture("kinds", "DARE, DropOnly and magnitude pruning against drop rate"),
        *(f"### {s.name}\n" + single_table(s) for s in full),
        "## Tolerance and model size", picture("size", "Share of the gain left against drop rate; tolerated rate against size"), size_table(sized),
        "## All three in one: merges with and without DARE",
        "Mean score of one merged model on the three tasks. Fisher weights and Gram matrices are gathered by `tools/study/gather.py`. TIES without\n"
        f"DARE masks {', '.join(map(str, TIES_RATES))} of each model by magnitude; with DARE, the random mask takes its place, as in mergekit's\n"
        "`dare_ties` (the paper trims by magnitude after DARE). Bars: TIES with its best mask.",
        picture("merged", "Merged against single models, with and without DARE"),
        *(f"### {s.name}\n" + merge_table(s) + "\n\n" + best_table(s) for s in full),
        "## Outside DARE's regime",
        "`-large`: fine-tuned from the same base at a learning rate 250 times as high. `-wrong`: digits-512's models merged as if they came\n"
        "from another base, of the same shape and training but another seed.",
        picture("control", "Share of the gain left against drop rate, outside DARE's regime"),
        "What `dare-inspect --base` said before anything was merged, and what a merge then cost:", inspection_table([*beside, *controls]),
        control_merges([*beside, *controls]),
        "## How it was done",
        f"Rates {', '.join(map(str, RATES))}; seeds {', '.join(map(str, SEEDS))}; λ {', '.join(map(str, LAMBDAS))}.\n"
        f"{sum(len(s.rows) for s in summaries.values())} checkpoints were scored. Everything is in `results.json` of the study's folder."]
    return "\n\n".join(parts) + "\n"


def draw(summaries, folder):
    folder.mkdir(parents=True, exist_ok=True)
    full = [s for s in summaries.values() if s.extent == "full"]
    controls = [s for s in summaries.values() if s.extent == "control"]
    beside = [summaries[name] for name in dict.fromkeys("-".join(s.name.split("-")[:2]) for s in controls)]
    figures.draw(figures.score_against_rate(full), folder, "score")
    figures.draw(figures.dare_against_others(full), folder, "kinds")
    figures.draw(figures.tolerance([s for s in summaries.values() if s.extent != "control"]), folder, "size")
    figures.draw(figures.merged_against_single(full), folder, "merged")
    figures.draw(figures.control([*beside, *controls]), folder, "control")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("page", type=pathlib.Path, help="folder of study.md and study/")
    parser.add_argument("--seconds", type=int, help="that the whole run took: said on the page")
    options = parser.parse_args()
    summaries = read(json.loads(options.results.read_text(encoding="utf-8")))
    draw(summaries, options.page / "study")
    time = f", which took {options.seconds / 60:.0f} minutes" if options.seconds else ""
    (options.page / "study.md").write_text(page(summaries, time), encoding="utf-8")


if __name__ == "__main__":
    main()
