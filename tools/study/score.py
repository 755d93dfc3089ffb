"""Runs the sweep of a family and scores its checkpoints: answers by the model, scores by dare-score."""
import json
import os
import pathlib
import shutil
import subprocess

from families import open_family
from points import sweep_of

_opened = {}  # a worker's family: opened once


def bin_of(program):
    return str(pathlib.Path(os.environ["DARE_BIN"]) / program)


def run(command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"study: {' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout


def sweep(folder, base, points, out, ranks):
    """Every point's checkpoint as OUT/NAME.safetensors."""
    shutil.rmtree(out, ignore_errors=True)
    file = out.with_suffix(".yml")
    file.write_text(json.dumps(sweep_of(folder, base, points), indent=1), encoding="utf-8")
    launcher = ["mpirun", "-n", ranks] if ranks > 1 else []
    run([*launcher, bin_of("dare-sweep"), file, out, "--progress", "off"])


def answer_file(path, answers):
    path.write_text("".join(json.dumps({"answer": answer}) + "\n" for answer in answers), encoding="utf-8")
    return path


def scored(job):
    """A row of results: the point's settings and, per task, the score in percent."""
    folder, checkpoint, row, tasks = job
    family = _opened.get(folder) or _opened.setdefault(folder, open_family(folder))
    model = family.load(checkpoint)
    task_name, measure = family.score
    scores = {}
    for task in tasks:
        references = folder / f"{task}.references.jsonl"
        if not references.exists():
            answer_file(references.with_suffix(f".{os.getpid()}"), family.right_answers(task)).rename(references)
        answers = answer_file(folder / f"answers.{os.getpid()}.jsonl", family.answers(model, task))
        found = json.loads(run([bin_of("dare-score"), task_name, answers, references, "--bootstrap", "0", "--json"]))
        scores[task] = 100 * found["metrics"][measure]["value"]
        answers.unlink()
    return {**row, "scores": scores}


def inspected(base, models):
    """What dare-inspect says of each model before anything is merged."""
    found = json.loads(run([bin_of("dare-inspect"), "--base", base, *models, "--json"]))
    rows = []
    for one in found["checkpoints"]:
        overall = one["overall"]
        noise = {entry["drop_rate"]: entry["noise_to_signal"] for entry in overall["noise"]}
        rows.append({"model": pathlib.Path(one["path"]).name, "verdict": one["verdict"], "mean_abs": overall["mean_abs"],
                     "max_abs": overall["max_abs"], "cosine": overall["cosine_with_base"], "noise_0.9": noise[0.9],
                     "elements": overall["elements"], "warnings": one["warnings"]})
    return rows
