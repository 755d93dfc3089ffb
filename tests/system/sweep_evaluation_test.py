"""Evaluations of a sweep's points: scores, checkpoints kept for them, failures and signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from dare_sweep import SweepTest, rows
from dare_system import command, environment, own_words


class Evaluation(SweepTest):
    shapes = {"a.weight": [40, 32]}

    def setUp(self):
        super().setUp()
        self.make_family()
        # Scores a point by its name, and writes down what it was asked.
        self.script = self.write("score.py", f"""
import json, os, sys, time
checkpoint, point = sys.argv[1:]
assert os.path.exists(os.path.join(checkpoint, "model.safetensors")), checkpoint
with open({self.path("asked")!r}, "a") as file: file.write(point + "\\n")
if "OMPI_COMM_WORLD_SIZE" in os.environ: sys.exit("the launcher's environment is here")
rate = float(point.split("=")[1])
if os.path.exists({self.path("fail")!r}) and rate == 0.2:
    print("trouble", file=sys.stderr); sys.exit(5)
if os.path.exists({self.path("hang")!r}) and rate == 0.3:
    if os.fork() == 0: time.sleep(1000)
    open({self.path("pid")!r}, "w").write(str(os.getpgrp())); time.sleep(1000)
print("some words"); print(json.dumps({{"accuracy": 1 - abs(rate - 0.3), "by": {{"task": 2}}}}))
""")

    def text(self, *more):
        return self.recipe + "grid: {drop_rate: [0.1, 0.2, 0.3, 0.4]}\n" + f"evaluate: python3 {self.script} {{checkpoint}} {{point}}\n" + "".join(line + "\n" for line in more)

    def asked(self):
        with open(self.path("asked")) as file:
            return sorted(file.read().split())

    def there(self):
        return sorted(name for name in os.listdir(self.path("swept")) if name.startswith("drop_rate"))

    def test_scores_are_collected(self):
        for np, more in ((1, []), (3, ["--groups", "2"])):
            with self.subTest(np=np):
                output = f"swept{np}"
                self.swept(np, self.text(), *more, output=output)
                table = rows(self.path(output))
                self.assertEqual({name: float(row["accuracy"]) for name, row in table.items()},
                                 {f"drop_rate={rate}": 1 - abs(rate - 0.3) for rate in (0.1, 0.2, 0.3, 0.4)})
                self.assertEqual({row["by.task"] for row in table.values()}, {"2"})
        self.assertEqual(len(self.asked()), 8)

    def test_evaluate_gets_the_limit_of_open_files_that_the_sweep_was_given(self):
        self.write("sweep.yml", self.recipe + "grid: {drop_rate: [0.1]}\nevaluate: echo '{\"files\":' $(ulimit -n) '}'\n")
        process = subprocess.run(["bash", "-c", 'ulimit -S -n 300 && exec "$@"', "bash", *command(0, "dare-sweep", self.path("sweep.yml"), self.path("swept"))],
                                 env=environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual([row["files"] for row in rows(self.path("swept")).values()], ["300"])

    def test_a_row_has_the_seconds_that_its_point_took(self):
        text = self.text().replace("evaluate: ", "evaluate: sleep 0.2 && ")
        elapsed = self.swept(0, text)["elapsed_s"]
        table = rows(self.path("swept")).values()
        compute, evaluate = ([float(row[key]) for row in table] for key in ("compute_seconds", "evaluate_seconds"))
        self.assertEqual(len(set(compute)), 1)  # of one pass
        self.assertGreater(min(compute), 0)
        self.assertGreaterEqual(min(evaluate), 0.2)
        self.assertLess(sum(compute) + sum(evaluate), elapsed + 0.01)
        with open(self.path("swept", "results.json")) as file:
            self.assertEqual([row["compute_seconds"] for row in json.load(file)], compute)

    def test_lines_that_cannot_be_written_cost_no_point(self):
        line = command(0, "dare-sweep", self.write("sweep.yml", self.text()), self.path("swept"), "--progress", "plain")
        for target in ("/dev/full", "&-"):
            with self.subTest(target=target):
                process = subprocess.run(["sh", "-c", f'exec "$0" "$@" 2>{target}', *line], env=environment(), capture_output=True, text=True, timeout=60)
                self.assertEqual(process.returncode, 0, process.stdout)
                self.assertEqual({row["status"] for row in rows(self.path("swept")).values()}, {"done"})
                self.assertEqual(len(self.asked()), 4)

    def test_the_log_has_all_that_a_command_printed(self):
        text = self.recipe + "grid: {drop_rate: [0.1]}\nevaluate: echo looking; echo trouble >&2; exit 4\n"
        self.assertEqual(self.sweep(0, text).returncode, 1)
        with open(self.path("swept", "points", "drop_rate=0.1.log")) as file:
            self.assertEqual(file.read(), "trouble\nlooking\n")

    def test_keep_none_and_best(self):
        self.swept(2, self.text("keep: none"))
        self.assertEqual(self.there(), [])
        self.assertEqual([row["status"] for row in rows(self.path("swept")).values()], ["done"] * 4)
        self.assertEqual(self.swept(2, self.text("keep: none"))["done_before"], 4)
        self.assertEqual(len(self.asked()), 4)
        for best, expected in (("highest", "drop_rate=0.3"), ("lowest", "drop_rate=0.1")):
            subprocess.run(["rm", "-r", self.path("swept")], check=True)
            self.swept(3, self.text("keep: best", "score: accuracy", f"best: {best}"), "--groups", "2")
            self.assertEqual(self.there(), [expected])
            table = rows(self.path("swept"))
            self.assertEqual({name: row["output"] for name, row in table.items() if row["output"]}, {expected: expected})

    def test_each_evaluation_is_told(self):
        self.write("fail", "")
        for np, more in ((1, ["score: accuracy"]), (2, ["score: accuracy"]), (1, [])):
            text = self.text(*more)
            with self.subTest(np=np, more=more):
                output = f"swept{np}{len(more)}"
                process = self.sweep(np, text, "--groups", str(np), output=output)
                self.assertEqual(process.returncode, 1, process.stderr)
                lines = [re.fullmatch(r"point (\d) of 4: (drop_rate=.*): (.*) \(\d+\.\d s\)", line) for line in process.stderr.splitlines()]
                told = [line.groups() for line in lines if line]
                self.assertEqual(sorted(number for number, _, _ in told), ["1", "2", "3", "4"])
                more_scores = "" if more else ", by.task 2"
                self.assertEqual({point: score for _, point, score in told},
                                 {f"drop_rate={rate}": "not scored" if rate == 0.2 else f"accuracy {1 - abs(rate - 0.3)}{more_scores}" for rate in (0.1, 0.2, 0.3, 0.4)})
        os.remove(self.path("fail"))
        process = self.sweep(0, self.text(), output="swept10")
        self.assertRegex(process.stderr, r"^point 4 of 4: drop_rate=0.2: accuracy 0.9, by.task 2 \(\d+\.\d s\)\n$")
        self.assertEqual(self.sweep(0, self.text(), "--progress", "off", output="silent").stderr, "")

    def test_the_best_point_is_said(self):
        text = self.text("score: accuracy", "keep: none")
        best = {"score": "accuracy", "value": 1.0, "point": "drop_rate=0.3", "equals": [], "checkpoint": None}
        self.assertEqual(self.swept(2, text)["best"], best)
        self.assertEqual(self.sweep(0, text).stdout.splitlines()[1], "best accuracy: 1.0 (highest), point drop_rate=0.3, checkpoint not kept; with keep: best "
                         "and score: accuracy the same command makes it again")
        where = self.path("kept", "drop_rate=0.1")
        process = self.sweep(3, self.text("score: accuracy", "keep: best", "best: lowest"), "--groups", "2", output="kept")
        self.assertEqual(process.stdout.splitlines()[1], f"best accuracy: 0.8 (lowest), point drop_rate=0.1, checkpoint {where}")
        self.assertTrue(os.path.exists(where))
        self.assertIsNone(self.swept(0, self.recipe + "points: {p: {drop_rate: 0.5}}\n", output="unscored")["best"])

    def test_a_command_that_cannot_run_is_refused_before_anything_is_made(self):
        for command_, words in (("nothing-called-so {checkpoint}", "there is no program nothing-called-so on the PATH; give its path, or load what it belongs to before"),
                                (self.script, f"{self.script} is not executable; `chmod +x` it, or begin with what runs it, such as python3"),
                                ("python3 gone.py", f"gone.py is not there for python3; the command runs in {os.getcwd()}"),
                                (f"python3 {self.script} {{name}}", "{name} is no placeholder, there are {checkpoint} and {point}; braces for the command itself "
                                                                    "stand in quotes")):
            for more in ([], ["--plan"]):
                with self.subTest(command=command_, more=more):
                    process = self.sweep(2, self.recipe + f"points: {{p: {{drop_rate: 0.5}}}}\nevaluate: {command_}\n", *more)
                    self.assert_refused(process, 2, f"{self.path('sweep.yml')}:8: evaluate: {words}", "dare-sweep")
                    self.assertFalse(os.path.exists(self.path("swept")))
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\nevaluate: nothing-called-so {checkpoint}\n"
        self.assertEqual(self.sweep(0, text, "--plan", "--ranks", "4").returncode, 0)  # of another cluster's programs nothing is known

    def test_one_that_fails_and_one_that_hangs(self):
        for name in ("fail", "hang"):
            self.write(name, "")
        process = self.sweep(2, self.text("keep: none", "evaluate_timeout: 1"), "--json")
        self.assertEqual(process.returncode, 1, process.stderr)
        summary = json.loads(process.stdout)
        self.assertEqual((summary["done"], summary["failed"], summary["unscored"]), (2, 0, 2))
        logs = [self.path("swept", "points", f"drop_rate={rate}.log") for rate in (0.2, 0.3)]
        self.assertEqual(own_words(process, "dare-sweep"), [
            f"dare-sweep: point drop_rate=0.2: merged, not scored: evaluate ended with exit code 5; its messages are in {logs[0]}",
            f"dare-sweep: point drop_rate=0.3: merged, not scored: evaluate ran longer than evaluate_timeout, 1 s, and was killed; its messages are in {logs[1]}"])
        with open(logs[0]) as file:
            self.assertEqual(file.read(), "trouble\n")
        with open(self.path("pid")) as file:
            self.assertEqual(running_in_group(int(file.read())), [])
        self.assertEqual(self.there(), ["drop_rate=0.2", "drop_rate=0.3"])  # not scored, so not deleted
        self.assertEqual(rows(self.path("swept"))["drop_rate=0.2"]["status"], "unscored")
        for name in ("fail", "hang"):
            os.remove(self.path(name))
        summary = self.swept(2, self.text("keep: none"))
        self.assertEqual((summary["done_before"], summary["done"], summary["bytes_read"]), (2, 2, 0))
        self.assertEqual(self.there(), [])
        self.assertEqual(len(self.asked()), 6)

    def test_output_that_is_no_score(self):
        for printed, message in (("hello", "evaluate's output does not end with a JSON object of scores such as {\"accuracy\": 0.91}: its last line is hello"),
                                 ("", "evaluate's output does not end with a JSON object of scores such as {\"accuracy\": 0.91}: it printed nothing"),
                                 ('{"a": "b"}', 'score "a" is "b", expected a number')):
            with self.subTest(printed=printed):
                text = self.recipe + "points: {p: {drop_rate: 0.5}}\nevaluate: |\n  printf '%s' '" + printed + "'\n"
                process = self.sweep(0, text, output=f"swept{len(printed)}")
                self.assertEqual(process.returncode, 1)
                self.assertEqual(own_words(process, "dare-sweep"), ["dare-sweep: point p: merged, not scored: " + message])
                self.assertIn("0 of 1 points done, 0 by earlier runs, 0 failed;", process.stdout)
                self.assertIn("1 point is merged, but not scored: the same command again evaluates it without merging\n", process.stdout)
                again = self.sweep(0, text, "--json", output=f"swept{len(printed)}")
                self.assertEqual((again.returncode, json.loads(again.stdout)["bytes_read"], json.loads(again.stdout)["unscored"]), (1, 0, 1))

    def test_a_signal_during_an_evaluation(self):
        self.write("hang", "")
        self.write("sweep.yml", self.text())
        process = subprocess.Popen(command(2, "dare-sweep", self.path("sweep.yml"), self.path("swept")), env=environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        while not (os.path.exists(self.path("pid")) and os.path.getsize(self.path("pid"))):
            time.sleep(0.01)
        process.send_signal(signal.SIGUSR1)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 75, errors)
        self.assertIn("nothing is kept of a pass under way: the same command again does it as a whole\n", output)
        self.assertIn("stopped by signal 10 (SIGUSR1); 2 of 4 points are done, the same command again does the rest", errors)
        with open(self.path("pid")) as file:
            self.assertEqual(running_in_group(int(file.read())), [])
        os.remove(self.path("hang"))
        summary = self.swept(2, self.text())
        self.assertEqual((summary["done_before"], summary["done"], summary["bytes_read"]), (2, 2, 0))


def running_in_group(group):
    """Processes of a group; what has ended and waits for its parent does not run."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, _, of_group = file.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state != "Z":
            found.append(int(name))
    return found


if __name__ == "__main__":
    unittest.main()
