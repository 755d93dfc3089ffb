"""The paper's figures redrawn from the study's results, as SVG and PNG."""
import statistics

import matplotlib
import numpy

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator  # noqa: E402

# Told apart by colour-blind readers and in grey print (Okabe and Ito), with a marker each.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
KINDS = {"dare": "DARE", "droponly": "DropOnly (no rescale)", "magnitude": "Magnitude pruning"}
DARE_RATE = 0.9  # of the merges shown as bars
pyplot.rcParams.update({"font.size": 9, "axes.titlesize": 9, "legend.fontsize": 8, "svg.hashsalt": "study", "svg.fonttype": "none",
                        "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True})


def panels(count, width=3.3, height=2.9, columns=None, **options):
    columns = columns or count
    figure, axes = pyplot.subplots(-(-count // columns), columns, figsize=(width * columns, height * -(-count // columns)),
                                   layout="constrained", squeeze=False, **options)
    for one in axes.flat:
        one.grid(True, color="0.9", linewidth=0.6)
    for unused in axes.flat[count:]:
        unused.remove()
    return figure, list(axes.flat[:count])


def line(axes, points, number, label, **style):
    """Mean of the seeds, their range as a band."""
    points = [(p, values) for p, values in points if values]
    at = [p for p, _ in points]
    axes.plot(at, [statistics.mean(values) for _, values in points], color=COLOURS[number % 7], marker=MARKERS[number % 7], markersize=4,
              linewidth=1.4, label=label, **style)
    axes.fill_between(at, [min(values) for _, values in points], [max(values) for _, values in points], color=COLOURS[number % 7],
                      alpha=0.18, linewidth=0)


def kept_axis(axes):
    """Rates on a logarithmic scale of what is kept: .9, .95 and .99 are what matters."""
    axes.set_xscale("function", functions=(lambda p: -numpy.log(numpy.maximum(1 - p, 1e-4)), lambda x: 1 - numpy.exp(-x)))
    axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 0.8, 0.9, 0.95, 0.99]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda p, _: f"{p:g}"))
    axes.set_xlim(0, 0.9915)
    axes.set_xlabel("Drop rate p, on a scale of log(1 − p)")


def widest_gap(levels, top):
    """The middle of the largest empty part of an axis from 0 to `top`, as a share of it: where a legend hides nothing."""
    levels = sorted([0, *levels, top])
    low, high = max(zip(levels, levels[1:]), key=lambda pair: pair[1] - pair[0])
    return (low + high) / 2 / top


def score_against_rate(families):
    figure, axes = panels(len(families), columns=2)
    for one, summary in zip(axes, families):
        for number, task in enumerate(summary.tasks):
            line(one, summary.curve("dare", task), number, task)
            one.axhline(summary.base[task], color=COLOURS[number], linewidth=0.8, linestyle=":")
        kept_axis(one)
        one.set(title=f"{summary.name}: DARE on single models", ylabel="Score in %", ylim=(0, 102))
        beside = [statistics.mean(values) for task in summary.tasks for p, values in summary.curve("dare", task) if p <= 0.8]
        one.legend(frameon=False, loc="center left", title="dotted: base", title_fontsize=8,
                   bbox_to_anchor=(0, widest_gap([*summary.base.values(), *beside], 102)))
    return figure


def dare_against_others(families):
    figure, axes = panels(len(families), columns=2)
    for one, summary in zip(axes, families):
        for number, (kind, label) in enumerate(KINDS.items()):
            line(one, summary.curve(kind), number, label)
        one.axhline(summary.level(summary.base), color="0.4", linewidth=0.8, linestyle=":", label="base")
        one.set(title=f"{summary.name}: mean of three tasks", xlabel="Drop rate p", ylabel="Score in %", ylim=(0, 102))
    axes[-1].legend(frameon=False, loc="lower left")  # the last panel, a decoder's, is empty there
    return figure


def tolerance(families):
    figure, (left, right) = panels(2, width=3.8, height=3.1)
    for number, summary in enumerate(families):
        style = {"linestyle": "-" if summary.family == "digits" else "--"}
        line(left, [(p, [100 * summary.retained("dare", p)]) for p, _ in summary.curve("dare")], number, summary.name, **style)
        right.plot(summary.elements(), 1 - summary.tolerated(), color=COLOURS[number % 7], marker=MARKERS[number % 7], linestyle="none")
        right.annotate(summary.name, (summary.elements(), 1 - summary.tolerated()), xytext=(5, 4), textcoords="offset points", fontsize=7)
    kept_axis(left)
    left.set(ylabel="Share of the gain that is left, in %", ylim=(0, 105))
    left.legend(frameon=False, loc="lower left")
    right.set_xscale("log")
    right.set_yscale("log")
    right.invert_yaxis()
    right.yaxis.set_major_locator(FixedLocator([0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01]))
    right.yaxis.set_minor_locator(NullLocator())
    right.yaxis.set_major_formatter(FuncFormatter(lambda kept, _: f"{1 - kept:g}"))
    right.set_ylim(0.65, 0.008)
    right.set_xlim(7e3, 2e7)
    right.set(xlabel="Weights of the model", ylabel="Largest p that keeps 95 % of the gain")
    return figure


def merged_against_single(families):
    figure, axes = panels(len(families), width=4.2, height=3.3, columns=2, sharex=False)
    for one, summary in zip(axes, families):
        labels = summary.plain_methods()
        for number, (shift, label, dare, p) in enumerate(((-0.2, "as it is", False, 0), (0.2, f"after DARE, p = {DARE_RATE}", True, DARE_RATE))):
            values = [summary.best_plain(method) if not dare else summary.merged(method, True, p) for method in labels]
            means = [statistics.mean(v) for v in values]
            one.barh([i + shift for i in range(len(labels))], means, 0.38, color=COLOURS[number], label=label,
                     xerr=[[m - min(v) for m, v in zip(means, values)], [max(v) - m for m, v in zip(means, values)]], error_kw={"linewidth": 0.8})
        one.axvline(summary.level(summary.whole), color="0.2", linewidth=1, linestyle="--", label="three single models")
        one.axvline(summary.level(summary.base), color="0.5", linewidth=1, linestyle=":", label="base")
        one.set_yticks(range(len(labels)), labels)
        one.invert_yaxis()
        one.set(title=summary.name, xlabel="Score in %, mean of three tasks", xlim=(0, 102))
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=4)
    return figure


def control(summaries):
    figure, (one,) = panels(1, width=4.8, height=3.2)
    for number, summary in enumerate(summaries):
        line(one, [(p, [100 * summary.retained("dare", p)]) for p, _ in summary.curve("dare")], number, summary.name)
    kept_axis(one)
    one.set(ylabel="Share of the gain that is left, in %", ylim=(-20, 105))
    one.legend(frameon=False, loc="center left", bbox_to_anchor=(0.17, 0.5))
    return figure


def draw(figure, folder, name):
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", dpi=110)
    pyplot.close(figure)
