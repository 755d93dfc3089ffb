"""Figures of speech in numbers: means over tasks and seeds, and the share of a fine-tuning's gain that is left."""
import math
import statistics


class Summary:
    """The rows of one family, averaged over its tasks; spreads are over seeds."""

    def __init__(self, name, result):
        self.name, self.tasks, self.inspection = name, result["tasks"], result["inspection"]
        self.family, self.extent, self.rows = result["family"], result["extent"], result["rows"]
        self.base = self.per_task(lambda row: row["kind"] == "base")
        self.whole = self.per_task(lambda row: row["kind"] == "whole")

    def select(self, **wanted):
        return [row for row in self.rows if all(row.get(key) == value for key, value in wanted.items())]

    def per_task(self, chosen):
        """{task: mean score} over the rows chosen."""
        scores = {}
        for row in filter(chosen, self.rows):
            for task, score in row["scores"].items():
                scores.setdefault(task, []).append(score)
        return {task: statistics.mean(values) for task, values in scores.items()}

    def by_seed(self, task=None, **wanted):
        """[mean over the tasks (or the task's score) of each seed]."""
        seeds = {}
        for row in self.select(**wanted):
            for name, score in row["scores"].items():
                if task in (None, name):
                    seeds.setdefault(row["seed"], []).append(score)
        return [statistics.mean(values) for values in seeds.values()]

    def curve(self, kind, task=None):
        """[(p, [score of each seed])]; at p = 0 the fine-tuned models themselves."""
        rates = sorted({row["p"] for row in self.select(kind=kind)})
        return [(0, self.by_seed(task, kind="whole"))] + [(p, self.by_seed(task, kind=kind, p=p)) for p in rates]

    def level(self, scores):
        return statistics.mean(scores.values())

    def retained(self, kind, p):
        """Share of the gain over the base, in the mean over tasks, that is left at rate p."""
        scores = self.by_seed(kind="whole" if p == 0 else kind, p=p)
        if not scores:
            return math.nan
        return (statistics.mean(scores) - self.level(self.base)) / (self.level(self.whole) - self.level(self.base))

    def tolerated(self, share=0.95):
        """The largest rate up to which DARE keeps `share` of the gain, between measured rates linear in log(1 - p)."""
        rates = [p for p, _ in self.curve("dare")]
        for low, high in zip(rates, rates[1:]):
            a, b = self.retained("dare", low), self.retained("dare", high)
            if b < share:
                part = (a - share) / (a - b)
                return 1 - math.exp((1 - part) * math.log(1 - low) + part * math.log(1 - high))
        return rates[-1]

    def tolerated_text(self):
        """tolerated(), and whether it is the end of what was measured."""
        last = self.curve("dare")[-1][0]
        return f"≥ {last}" if self.tolerated() == last else f"{self.tolerated():.3f}"

    def elements(self):
        return self.inspection[0]["elements"]

    def mean_abs(self):
        return statistics.mean(one["mean_abs"] for one in self.inspection)

    def methods(self):
        return list(dict.fromkeys(row["method"] for row in self.select(kind="merge")))

    def merged(self, method, dare, p, task=None):
        return self.by_seed(task, kind="merge", method=method, dare=dare, p=p)

    def plain_methods(self):
        """The methods; TIES once, whatever its mask."""
        return [method for method in self.methods() if "mask" not in method]

    def best_plain(self, method):
        """Scores of a method without DARE; of TIES with the mask that does best."""
        masks = [m for m in self.methods() if m == method or m.startswith(f"{method} mask")]
        return max((self.merged(m, False, p) for m in masks for p in {row["p"] for row in self.select(method=m, dare=False)}),
                   key=statistics.mean)


def read(results):
    """Families by size, those outside DARE's regime last."""
    found = [Summary(name, result) for name, result in results.items()]
    return {s.name: s for s in sorted(found, key=lambda s: (s.extent == "control", s.family, s.elements()))}


def spread(values, digits=1):
    """Mean, and the standard deviation where there are several."""
    if not values:
        return "–"
    text = f"{statistics.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {statistics.stdev(values):.{digits}f}"
