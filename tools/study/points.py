"""What the study merges: the points of each family, as a dare-sweep and as rows of results."""

RATES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MERGE_RATES = (0.5, 0.9, 0.95, 0.99)
CONTROL_RATES = (0, 0.5, 0.9, 0.95, 0.99)
SEEDS = (1, 2, 3)
LAMBDAS = (0.3, 0.5, 0.7, 1)
TIES_RATES = (0.7, 0.8, 0.9)


def single(task):
    return [{"model": task}]


def singles(tasks, rates, kinds):
    """One fine-tuned model a point: DARE, DropOnly and magnitude pruning at every rate."""
    for task in tasks:
        yield f"{task}-whole", {"kind": "whole", "tasks": [task], "p": 0, "seed": 0}, {
            "merge_method": "task_arithmetic", "models": {"models": single(task)}}
        for p in rates:
            if p and "magnitude" in kinds:
                yield f"{task}-magnitude-p{p}", {"kind": "magnitude", "tasks": [task], "p": p, "seed": 0}, {
                    "merge_method": "magnitude_prune", "drop_rate": p, "models": {"models": single(task)}}
            for kind, rescale in (("dare", "expected"), ("droponly", "none")):
                for seed in SEEDS if p and kind in kinds else ():
                    yield f"{task}-{kind}-p{p}-s{seed}", {"kind": kind, "tasks": [task], "p": p, "seed": seed}, {
                        "merge_method": "dare_linear", "drop_rate": p, "rescale": rescale, "seed": seed, "models": {"models": single(task)}}


def merges_by(tasks, method, plain, dared, lam=None, extra=None):
    """All models in one: by a method as it is, and with DARE before it."""
    models = [{"model": task, **{key: folder.format(task) for key, folder in (extra or {}).items()}} for task in tasks]
    common = {"models": {"models": models}, **({} if lam is None else {"lambda": lam})}
    label = method if lam is None else f"{method} λ = {lam}"
    name = method.lower().replace(" ", "-") + ("" if lam is None else f"-l{lam}")
    row = {"kind": "merge", "tasks": list(tasks), "method": label}
    for p in TIES_RATES if plain == "ties" else (0,):
        suffix = f" mask {p}" if p else ""
        yield f"{name}-plain-{p}", {**row, "method": label + suffix, "dare": False, "p": 0, "seed": 0}, {
            "merge_method": plain, **common, **({"drop_rate": p} if p else {})}
    for p in MERGE_RATES:
        for seed in SEEDS:
            yield f"{name}-dare-p{p}-s{seed}", {**row, "dare": True, "p": p, "seed": seed}, {
                "merge_method": dared, "drop_rate": p, "seed": seed, **common}


def merges(tasks):
    yield from merges_by(tasks, "Average", "average", "dare_average")
    for lam in LAMBDAS:
        yield from merges_by(tasks, "Task Arithmetic", "task_arithmetic", "dare_linear", lam)
    yield from merges_by(tasks, "Fisher", "fisher", "dare_fisher", extra={"fisher": "fisher/{}.safetensors"})
    yield from merges_by(tasks, "RegMean", "regmean", "dare_regmean", extra={"gram": "gram/{}.safetensors"})
    yield from merges_by(tasks, "TIES", "ties", "dare_ties", 1)


def points_of(family, full, control):
    """[(name, row of results, settings)]; `full`: every kind and the merges of three, else DARE alone."""
    if control:
        found = [*singles(family.tasks, CONTROL_RATES, ("dare",))]
        found += [point for point in merges_by(family.tasks, "Task Arithmetic", "task_arithmetic", "dare_linear", 1)]
    elif full:
        found = [*singles(family.tasks, RATES, ("dare", "droponly", "magnitude")), *merges(family.tasks)]
    else:
        found = [*singles(family.tasks, RATES, ("dare",))]
    return found


def sweep_of(family_folder, base, points):
    """The SWEEP.yml that makes the points (JSON is YAML)."""
    def absolute(settings):
        models = [{key: str(family_folder / value) for key, value in model.items()} for model in settings["models"]["models"]]
        return {**settings, "models": {"models": models}}

    first = absolute(points[0][2])
    return {"base_model": str(base), "merge_method": "task_arithmetic", "models": first["models"]["models"], "format": "safetensors",
            "points": {name: absolute(settings) for name, _, settings in points}}
