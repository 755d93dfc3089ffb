#!/usr/bin/env python3
"""Merges, scores and inspects every family of the study that results.json does not have yet, and puts it there.

  DARE_BIN=FOLDER python measure.py WORK [--ranks N]     # WORK/families/NAME: base, one folder a task, fisher/, gram/
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import shutil
import time

from families import open_family
from points import points_of
from score import inspected, scored, sweep

# Families by size, each with what is merged of it: all methods at all rates, DARE alone, or a negative control.
FULL, DARE_ONLY, CONTROL = "full", "dare", "control"
FAMILIES = {"digits-64": DARE_ONLY, "digits-128": FULL, "digits-256": DARE_ONLY, "digits-512": FULL, "digits-1024": DARE_ONLY,
            "tinylm-64": FULL, "tinylm-128": FULL, "digits-512-large": CONTROL}
WRONG_BASES = {"digits-512-wrong": ("digits-512", "digits-512-other")}  # name: family of the models, family of the base


def measured(work, name, models_of, base_of, extent, ranks, pool):
    """All results of one family: rows of points, and what dare-inspect said."""
    folder, base = work / "families" / models_of, work / "families" / base_of / "base"
    family, began = open_family(folder), time.time()
    inspection = inspected(base, [folder / task for task in family.tasks])
    points = points_of(family, extent == FULL, extent == CONTROL)
    out = work / "swept" / name
    out.parent.mkdir(exist_ok=True)
    sweep(folder, base, points, out, ranks)
    swept = time.time()
    jobs = [(folder, out / f"{point}.safetensors", {"point": point, **row}, row["tasks"]) for point, row, _ in points]
    jobs.append((folder, base, {"point": "base", "kind": "base", "p": 0, "seed": 0}, family.tasks))
    rows = pool.map(scored, jobs, chunksize=4)
    if extent != FULL:
        shutil.rmtree(out)
    print(f"study: {name}: {len(points)} checkpoints merged in {swept - began:.0f} s, scored in {time.time() - swept:.0f} s", flush=True)
    return {"family": family.title, "extent": extent, "tasks": family.tasks, "inspection": inspection, "rows": rows,
            "merge_s": swept - began, "score_s": time.time() - swept}


def replace_text(file, text):
    """Writes beside `file` and renames: stopped at any moment, hours of results stay."""
    beside = file.with_name(file.name + ".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--ranks", type=int, default=1, help="of MPI in each sweep (1: these models are small)")
    parser.add_argument("--only", action="append", default=[], help="this family alone, again if it was measured before")
    options = parser.parse_args()
    work = options.work.resolve()
    file = work / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    wanted = options.only or [name for name in [*FAMILIES, *WRONG_BASES] if name not in results]
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
        for name in wanted:
            models_of, base_of = WRONG_BASES.get(name, (name, name))
            results[name] = measured(work, name, models_of, base_of, FAMILIES.get(name, CONTROL), options.ranks, pool)
            replace_text(file, json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
