"""What the paper says, what was found here, and whether the two agree; every number and every verdict from the results."""
import math
import statistics

AGREES, PARTLY, DIFFERS = "agrees", "agrees in part", "does not agree"


def percent(share):
    return "–" if math.isnan(share) else f"{100 * share:.0f} %"


def judged(checks):
    """All, some or none of what was checked."""
    checks = list(checks)
    return AGREES if all(checks) else PARTLY if any(checks) else DIFFERS


def listed(summaries, text):
    return ", ".join(f"{summary.name} {text(summary)}" for summary in summaries)


def nine_tenths(full):
    kept = {s.name: s.retained("dare", 0.9) for s in full}
    return ("9 of 10 delta elements can be dropped if the rest are rescaled",
            "Share of the gain left at p = 0.9: " + listed(full, lambda s: percent(kept[s.name])), judged(v >= 0.95 for v in kept.values()))


def ninety_nine(digits, tiny):
    kept = {s.name: s.retained("dare", 0.99) for s in [*digits, *tiny]}
    return ("The largest models survive even 0.99, smaller ones do not", "Share of the gain left at p = 0.99: "
            + listed([*digits, *tiny], lambda s: percent(kept[s.name])),
            judged(kept[family[-1].name] >= 0.95 > kept[family[0].name] for family in (digits, tiny) if family))


def size(digits, tiny):
    limits = [s.tolerated() for s in digits]
    found = "Largest p that keeps 95 % of the gain: " + listed([*digits, *tiny], lambda s: s.tolerated_text())
    orders = [a <= b for family in (digits, tiny) for a, b in zip(family, family[1:]) for a, b in [(a.tolerated(), b.tolerated())]]
    return ("Larger models tolerate larger p", found + ". The mean delta falls as the models grow, as in language models; the two were not "
            "taken apart", judged(orders) if limits else DIFFERS)


def rescale(full):
    pairs = {s.name: (s.retained("dare", 0.9), s.retained("droponly", 0.9)) for s in full}
    return ("Without the rescale (DropOnly) the ability is lost", "Share of the gain left at p = 0.9, DARE and DropOnly: "
            + listed(full, lambda s: " and ".join(map(percent, pairs[s.name]))), judged(d - o >= 0.3 for d, o in pairs.values()))


def magnitude(full):
    pairs = {s.name: (s.retained("dare", 0.9), s.retained("magnitude", 0.9)) for s in full}
    low = {s.name: (s.retained("dare", 0.3), s.retained("magnitude", 0.3)) for s in full}
    return ("DARE keeps more than pruning by magnitude", "Share of the gain left at p = 0.9, DARE and magnitude: "
            + listed(full, lambda s: " and ".join(map(percent, pairs[s.name]))) + "; at p = 0.3: "
            + listed(full, lambda s: " and ".join(map(percent, low[s.name]))), judged(d > m for d, m in pairs.values()))


def before_merging(full, rate):
    """Changes by DARE of each method's mean score, in points, as (family, method, change)."""
    return [(s.name, method, statistics.mean(s.merged(method, True, rate)) - statistics.mean(s.best_plain(method)))
            for s in full for method in s.plain_methods()]


def methods(full):
    changes = before_merging(full, 0.5) + before_merging(full, 0.9)
    at_nine = before_merging(full, 0.9)
    gained, lost = [c for c in at_nine if c[2] > 1], [c for c in at_nine if c[2] < -1]
    extreme = lambda chosen, pick: "{} {} {:+.1f}".format(*pick(chosen, key=lambda c: c[2])) if chosen else "none"
    return ("DARE before a merge helps it, or costs it little",
            f"At p = 0.9, of {len(at_nine)} merges (each family and method) {len(gained)} gain more than 1 point, {len(lost)} lose more than 1, "
            f"{len(at_nine) - len(gained) - len(lost)} move less (TIES: the random mask instead of the mask by magnitude). "
            f"Most: {extreme(at_nine, max)} points; least: {extreme(at_nine, min)}",
            judged(c[2] > -1 for c in changes))


def best_merge(summary):
    """(scores per task, label) of the merge with the best mean, without or with DARE."""
    best = None
    for method in summary.methods():
        for dare in (False, True):
            for p in sorted({row["p"] for row in summary.select(method=method, dare=dare)}):
                scores = {task: statistics.mean(summary.merged(method, dare, p, task)) for task in summary.tasks}
                label = method + (f" after DARE p = {p}" if dare else "")
                if best is None or statistics.mean(scores.values()) > statistics.mean(best[0].values()):
                    best = scores, label
    return best


def all_abilities(full):
    texts, checks = [], []
    for summary in full:
        scores, label = best_merge(summary)
        texts.append(f"{summary.name} ({label}) " + ", ".join(f"{t} {scores[t]:.1f} of {summary.whole[t]:.1f}" for t in summary.tasks))
        checks.append(all(scores[t] >= 0.95 * summary.whole[t] for t in summary.tasks))
    return ("One merged model has the abilities of all", "Best merge, its scores of those of the single models: " + "; ".join(texts),
            judged(checks))


def beats_single(full):
    best = {s.name: max((statistics.mean(s.merged(row["method"], row["dare"], row["p"], task)) - s.whole[task], task, row["method"])
                        for row in s.select(kind="merge") for task in s.tasks) for s in full}
    return ("A merged model can be better than the single one", "Best of all merges on any task, in points above the single model of that task: "
            + listed(full, lambda s: "{:+.1f} ({}, {})".format(*best[s.name])), judged(b[0] > 0 for b in best.values()))


def too_large(controls, fit):
    def told(summary):
        merged = summary.merged("Task Arithmetic λ = 1", False, 0)
        return (f"{percent(summary.retained('dare', 0.9))} and {percent(summary.retained('dare', 0.95))} ({summary.mean_abs():.4f}; "
                f"all three in one, nothing dropped, {statistics.mean(merged):.1f} of {summary.level(summary.whole):.1f})")

    pairs = [(c.retained("dare", 0.9), f.retained("dare", 0.9)) for c, f in zip(controls, fit)]
    return ("Deltas around 0.03 and above do not bear even small p", "Share of the gain left at p = 0.9 and 0.95 (mean size of a delta element): "
            + listed([*controls, *fit], told), judged(check for c, f in pairs for check in (c < 0.5, c < f)))


def wrong(summary):
    kept = {p: summary.retained("dare", p) for p in (0.5, 0.9)}
    return ("A wrong base does not bear it", f"{summary.name}: share of the gain left at p = 0.5: {percent(kept[0.5])}, at p = 0.9: "
            f"{percent(kept[0.9])}", judged([kept[0.9] < 0.5]))


def foretold(bad, good):
    said = lambda s: "/".join(one["verdict"] for one in s.inspection)
    return ("(ours) dare-inspect says before the merge which models are unfit",
            "Verdicts: " + listed([*bad, *good], said),
            judged([*(all(one["verdict"] == "unfit" for one in s.inspection) for s in bad),
                    *(all(one["verdict"] != "unfit" for one in s.inspection) for s in good)]))
