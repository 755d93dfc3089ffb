"""What the tests of dare-sweep share."""

import csv
import json
import os
import sys

from dare_system import SystemTest, contents, own_words, run


def rows(folder):
    with open(os.path.join(folder, "results.csv"), newline="") as file:
        return {row["point"]: row for row in csv.DictReader(file)}


TIMES = ("compute_seconds", "evaluate_seconds")


def outcomes(folder):
    """The rows without what differs from run to run: the times."""
    return {point: {key: value for key, value in row.items() if key not in TIMES} for point, row in rows(folder).items()}


def made(folder):
    """contents() of a sweep's folder without the times."""
    found = contents(folder)
    found["results.csv"] = json.dumps(outcomes(folder))
    found["results.json"] = json.dumps([{key: value for key, value in row.items() if key not in TIMES} for row in json.loads(found["results.json"])])
    for name in found:
        if name.startswith("points/") and name.endswith(".json"):
            record = json.loads(found[name])
            found[name] = json.dumps({key: value for key, value in record.items() if key != "times"})
    return found


class SweepTest(SystemTest):
    shapes = {"model.embed.weight": [300, 32], "model.layers.0.up.weight": [1100, 1024], "model.norm.weight": [32], "empty": [0, 4], "scalar": []}
    recipe = """merge_method: dare_linear
base_model: base.safetensors
models:
  - {model: m0.safetensors, parameters: {weight: 0.5}}
  - {model: m1.safetensors, parameters: {weight: 0.25}}
seed: 7
"""

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def sweep(self, np, text, *more, output="swept", timeout=120, **env):
        return run(np, "dare-sweep", self.write("sweep.yml", text), self.path(output), *more, timeout=timeout, **env)

    def swept(self, np, text, *more, output="swept", **env):
        """A sweep that ends well; its summary."""
        process = self.sweep(np, text, "--json", *more, output=output, **env)
        self.assertEqual(process.returncode, 0, process.stderr)
        return json.loads(process.stdout)

    def merged(self, recipe, output):
        process = run(2, "dare-merge", self.write("point.yml", recipe), self.path(output))
        self.assertEqual(process.returncode, 0, process.stderr)
        return contents(self.path(output))

    def assert_same(self, got, expected, what):
        self.assertEqual(sorted(got), sorted(expected), what)
        for name in expected:
            self.assertTrue(got[name] == expected[name], f"{what}: {name} differs")


class KeepTest(SweepTest):
    """Points with scores that the test chooses, and the folder that holds what is kept of them."""

    shapes = {"a.weight": [40, 32]}

    def setUp(self):
        super().setUp()
        self.make_family()
        # The score of a point is what the file "scores" says.
        self.script = self.write("score.py", f"""
import json, sys
with open({self.path("asked")!r}, "a") as file: file.write(sys.argv[2] + "\\n")
with open({self.path("scores")!r}) as file: print(json.dumps(json.load(file)[sys.argv[2]]))
""")

    def text(self, points, *more, evaluate=True):
        listed = "".join(f"  {name}: {{drop_rate: {rate}}}\n" for name, rate in points.items())
        command = f"evaluate: {sys.executable} {self.script} {{checkpoint}} {{point}}\n" if evaluate else ""
        return self.recipe + "points:\n" + listed + command + "".join(line + "\n" for line in more)

    def scores(self, **scores):
        self.write("scores", json.dumps({name: score if isinstance(score, dict) else {"x": score} for name, score in scores.items()}))

    def asked(self):
        if not os.path.exists(self.path("asked")):
            return []
        with open(self.path("asked")) as file:
            asked = sorted(file.read().split())
        os.remove(self.path("asked"))
        return asked

    def there(self, output="swept"):
        return sorted(name for name in os.listdir(self.path(output)) if name not in ("points", "results.csv", "results.json"))

    def refused(self, process, *lines):
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertEqual(own_words(process, "dare-sweep"), list(lines))
