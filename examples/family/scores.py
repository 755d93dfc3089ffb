#!/usr/bin/env python3
"""Accuracy of a model of this family on its three tasks, as the last line that dare-sweep's `evaluate` reads: a JSON object.

  python scores.py merged/        # {"mean": 94.1, "digit": 95.5, "turn": 90.7, "parity": 96.2}
"""
import json
import sys

import evaluate


def main():
    if len(sys.argv) != 2:
        sys.exit("scores.py: give one model")
    model, data = evaluate.load(sys.argv[1]), evaluate.held_out()
    scores = {task: round(evaluate.accuracy(model, task, data), 3) for task in evaluate.TASKS}
    print(json.dumps({"mean": round(sum(scores.values()) / len(scores), 3), **scores}))


if __name__ == "__main__":
    main()
