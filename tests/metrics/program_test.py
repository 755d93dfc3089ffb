"""dare-score as its users run it: outputs, exit codes, whole error texts. Python's standard library alone."""
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = pathlib.Path(os.environ["DARE_BIN"]) / "dare-score"
# A root's own interpreter may lie where no other user can run it.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else "python3"


class ScoreTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        os.chmod(self.folder.name, 0o755)
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        if not isinstance(text, str):
            text = "".join(json.dumps(record) + "\n" for record in text)
        (pathlib.Path(self.folder.name) / name).write_text(text)

    def run_score(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.folder.name, capture_output=True, text=True, timeout=120)

    def score(self, *arguments):
        done = self.run_score(*arguments, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def values(self, *arguments):
        return {name: measure["value"] for name, measure in self.score(*arguments, "--bootstrap", "0")["metrics"].items()}

    def assert_refused(self, code, text, *arguments):
        done = self.run_score(*arguments)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (code, "", f"dare-score: {text}\n"))


class Glue(ScoreTest):
    """Its own file layouts: submissions as predictions, dev.tsv as references."""

    def submission(self, *labels):
        self.write("p.tsv", "index\tprediction\n" + "".join(f"{i}\t{label}\n" for i, label in enumerate(labels)))

    def test_cola_without_header(self):
        self.submission(1, 1, 0, 1)
        self.write("dev.tsv", "gj04\t1\t\tThe \"sailors rode.\ngj04\t1\t\tB.\ngj04\t0\t*\tC.\ngj04\t0\t*\tD.\n")
        # TP 2, TN 1, FP 1, FN 0: 2 / sqrt(3 * 2 * 2 * 1)
        values = self.values("cola", "p.tsv", "dev.tsv")
        self.assertAlmostEqual(values["matthews"], 2 / 12**0.5, 14)
        self.assertEqual(values["accuracy"], 0.75)

    def test_mrpc(self):
        self.submission(1, 1, 0, 0)
        self.write("dev.tsv", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta\tb\n0\t3\t4\ta\tb\n1\t5\t6\ta\tb\n0\t7\t8\ta\tb\n")
        self.assertEqual(self.values("mrpc", "p.tsv", "dev.tsv"), {"accuracy": 0.5, "f1": 0.5})

    def test_qqp_has_ids_of_its_own(self):
        self.submission(0, 1)
        self.write("dev.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n133273\t1\t2\ta\tb\t0\n402555\t3\t4\ta\tb\t1\n")
        self.assertEqual(self.values("qqp", "p.tsv", "dev.tsv"), {"accuracy": 1.0, "f1": 1.0})

    def test_mnli_names_and_numbers_and_no_agreement(self):
        self.submission("entailment", "neutral", "neutral", "neutral")
        self.write("dev.tsv", "index\tgenre\tlabel1\tgold_label\n0\tx\tneutral\tentailment\n1\tx\tneutral\tcontradiction\n2\tx\tneutral\t-\n3\tx\tneutral\tneutral\n")
        got = self.score("mnli", "p.tsv", "dev.tsv", "--bootstrap", "0")
        self.assertEqual(got, {"task": "mnli", "examples": 3, "metrics": {"matched_accuracy": {"value": 2 / 3}},
                               "counts": {"left out (label -)": 1}, "aligned_by": "index"})
        self.write("hf.jsonl", [{"idx": 0, "label": 0}, {"idx": 1, "label": 1}, {"idx": 2, "label": 2}, {"idx": 3, "label": 1}])
        self.assertEqual(self.values("mnli-mm", "p.tsv", "hf.jsonl"), {"mismatched_accuracy": 0.75})

    def test_rte_qnli_wnli_sst2(self):
        self.submission("not_entailment", "entailment")
        self.write("dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment\n1\ta\tb\tnot_entailment\n")
        for task in "rte", "qnli":
            self.assertEqual(self.values(task, "p.tsv", "dev.tsv"), {"accuracy": 0.5})
        self.submission(1, 0)
        self.write("dev.tsv", "sentence\tlabel\na\t1\nb\t1\n")
        for task in "sst2", "wnli":
            self.assertEqual(self.values(task, "p.tsv", "dev.tsv"), {"accuracy": 0.5})

    def test_stsb(self):
        self.submission(1.0, 2.0, 3.0)
        self.write("dev.tsv", "index\tgenre\tscore\n0\tx\t1\n1\tx\t4\n2\tx\t4\n")
        values = self.values("stsb", "p.tsv", "dev.tsv")
        self.assertAlmostEqual(values["pearson"], 3 / 12**0.5, 14)
        self.assertAlmostEqual(values["spearman"], 1.5 / 3**0.5, 14)

    def test_a_label_that_is_none(self):
        self.submission("entailment", "maybe")
        self.write("dev.tsv", "index\tlabel\n0\tentailment\n1\tentailment\n")
        self.assert_refused(3, 'p.tsv: line 3: prediction "maybe" is no label of this task; expected entailment, not_entailment, or their numbers 0 to 1',
                            "rte", "p.tsv", "dev.tsv")
        self.assert_refused(3, 'dev.tsv: line 2: label "entailment" is no label of this task; expected 0 or 1', "sst2", "p.tsv", "dev.tsv")


class Answers(ScoreTest):
    def test_gsm8k(self):
        self.write("p.jsonl", [{"id": 1, "output": "so $1,200.00."}, {"id": 2, "output": "no idea"}, {"id": 3, "output": "It is 7, not 8"}])
        self.write("r.jsonl", [{"id": i, "answer": f"<<...>>\n#### {a}"} for i, a in ((3, "7"), (2, "5"), (1, "1,200"))])
        got = self.score("gsm8k", "p.jsonl", "r.jsonl", "--bootstrap", "0")
        self.assertEqual(got["metrics"], {"exact_match": {"value": 1 / 3}})
        self.assertEqual(got["counts"], {"correct": 1, "without an answer": 1})

    def test_math(self):
        self.write("p.jsonl", [{"output": "thus $\\boxed{\\dfrac12}$"}, {"output": "The answer is: 12 cm"}, {"output": "12"}])
        self.write("r.jsonl", [{"answer": "\\frac{1}{2}"}, {"answer": "12\\text{ cm}"}, {"answer": "\\boxed{12}"}])
        self.assertEqual(self.values("math", "p.jsonl", "r.jsonl"), {"exact_match": 2 / 3})
        # the data set's own records, and MATH-500's, which have the answer by itself as well
        solutions = [{"problem": "p", "level": "Level 1", "type": "Algebra", "solution": f"so $\\boxed{{{a}}}$."} for a in ("\\frac{1}{2}", "13", "12")]
        self.write("r.jsonl", solutions)
        self.assertEqual(self.values("math", "p.jsonl", "r.jsonl"), {"exact_match": 2 / 3})
        self.write("r.jsonl", [{**record, "answer": a} for record, a in zip(solutions, ("7", "8", "12"))])
        self.assertEqual(self.values("math", "p.jsonl", "r.jsonl"), {"exact_match": 1 / 3})

    def test_exact_match_and_named_fields(self):
        self.write("p.csv", "mine,x\n a  b,1\nc,2\n")
        self.write("r.csv", "right\na b\nd\n")
        self.assertEqual(self.values("exact-match", "p.csv", "r.csv", "--prediction-field", "mine", "--reference-field", "right"), {"exact_match": 0.5})

    def test_a_reference_without_an_answer(self):
        self.write("p.txt", "1\n")
        self.write("r.jsonl", [{"answer": "none"}])
        self.assert_refused(3, "r.jsonl: line 1: answer holds no answer; expected a number", "gsm8k", "p.txt", "r.jsonl")


class Generic(ScoreTest):
    def test_fields_of_references(self):
        self.write("p.csv", "id,pred\n1,1\n2,3\n")
        for field in "reference", "label", "target", "gold", "answer", "value":
            self.write("r.csv", f"id,text,{field}\n1,x,1\n2,y,2\n")
            for task, measure, value in ("classification", "accuracy", 0.5), ("correlation", "pearson", 1.0), ("exact-match", "exact_match", 0.5):
                self.assertEqual(self.values(task, "p.csv", "r.csv")[measure], value, (task, field))

    def test_classification_with_labels_that_begin_with_a_dash(self):
        self.write("p.txt", "-1\n-1\n1.0\n")
        self.write("r.txt", "-1\n1\n1\n")
        values = self.values("classification", "p.txt", "r.txt", "--positive", "-1")
        self.assertAlmostEqual(values["f1"], 2 / 3, 14)
        self.assertAlmostEqual(values["macro_f1"], 2 / 3, 14)
        self.assertAlmostEqual(values["accuracy"], 2 / 3, 14)
        self.write("p.txt", "-x\ny\n")
        self.write("r.txt", "-x\n-x\n")
        self.assertAlmostEqual(self.values("classification", "p.txt", "r.txt", "--positive=-x")["f1"], 2 / 3, 14)
        self.assert_refused(2, "--positive z: no prediction and no reference has this label", "classification", "p.txt", "r.txt", "--positive", "z")

    def test_any_labels_are_texts(self):
        self.write("p.txt", "007\n1,000\n2.0\n 7 \n")
        self.write("r.txt", "7\n1000\n2\n7.0\n")
        self.assertEqual(self.values("classification", "p.txt", "r.txt")["accuracy"], 0.5)

    def test_labels_that_the_files_do_not_share(self):
        self.write("p.csv", "prediction\nTrue\nFalse\n")
        self.write("r.jsonl", [{"label": True}, {"label": False}])
        got = self.score("classification", "p.csv", "r.jsonl", "--bootstrap", "0")
        self.assertEqual(got["metrics"]["accuracy"]["value"], 0.0)
        self.assertEqual(got["notes"], ['no prediction is a label of the references, e.g. "True" and "true"; are they written the same way?'])

    def test_positive_may_be_a_number(self):
        self.write("p.txt", "not_entailment\n0\n1\n")
        self.write("r.txt", "1\n1\n1\n")
        self.assertEqual(self.values("rte", "p.txt", "r.txt", "--positive", "1")["f1"], 0.8)
        self.assert_refused(2, "--positive 2: no label of this task", "rte", "p.txt", "r.txt", "--positive", "2")

    def test_one_class(self):
        self.write("p.txt", "1\n1\n")
        self.write("r.txt", "0\n0\n")
        self.write("zero.txt", "0\n0\n")
        got = self.score("cola", "p.txt", "r.txt", "--bootstrap", "0")
        self.assertEqual(got["metrics"], {"matthews": {"value": 0.0}, "accuracy": {"value": 0.0}})
        self.assertEqual(got["notes"], ["matthews: all predictions are one class; 0 by convention"])
        got = self.score("mrpc", "zero.txt", "r.txt", "--bootstrap", "0")
        self.assertEqual(got["metrics"], {"accuracy": {"value": 1.0}, "f1": {"value": 0.0}})
        self.assertEqual(got["notes"], ['f1: no label and no prediction is "1"; 0 by convention'])

    def test_constant_and_single(self):
        self.write("p.txt", "2\n2\n")
        self.write("r.txt", "-1.5\n3e2\n")
        got = self.score("correlation", "p.txt", "r.txt")
        self.assertEqual(got["metrics"], {"pearson": {"value": None}, "spearman": {"value": None}})
        self.assertEqual(got["notes"], ["a correlation has no value where all predictions are 2"])
        self.write("p.txt", "2\n")
        self.write("r.txt", "1\n")
        self.assertEqual(self.score("correlation", "p.txt", "r.txt")["notes"], ["a correlation of one example has no value"])

    def test_numbers_that_are_none(self):
        self.write("r.txt", "1\n2\n")
        for bad in "nan", "inf", "", "1,5", "0x1", "1 2":
            self.write("p.txt", f"1\n{bad}\n")
            self.assert_refused(3, f'p.txt: line 2: value "{bad}" is no finite number', "stsb", "p.txt", "r.txt")
        self.write("p.jsonl", '{"prediction": 1}\n{"prediction": null}\n')
        self.assert_refused(3, 'p.jsonl: line 2: field "prediction" is null', "stsb", "p.jsonl", "r.txt")

    def test_numbers_too_small_are_read(self):
        self.write("p.txt", "1e-400\n 1e-310\n3\n")
        self.write("r.txt", "0\n0\n6\n")
        self.assertAlmostEqual(self.values("stsb", "p.txt", "r.txt")["pearson"], 1, 14)
        self.write("p.txt", "1e400\n1\n2\n")
        self.assert_refused(3, 'p.txt: line 1: value "1e400" is no finite number', "stsb", "p.txt", "r.txt")

    def test_empty(self):
        self.write("p.txt", "")
        self.write("r.txt", "1\n")
        self.assert_refused(3, "p.txt: no records; expected at least one", "sst2", "p.txt", "r.txt")


class Intervals(ScoreTest):
    def test_text_is_the_same_each_time(self):
        self.write("p.txt", "1\n1\n0\n1\n")
        self.write("r.txt", "1\n1\n0\n0\n")
        done = self.run_score("sst2", "p.txt", "r.txt")
        self.assertEqual(done.stdout, "task      sst2\nexamples  4\naccuracy  0.75  [0.25, 1]\naligned by position: PREDICTIONS and REFERENCES share no id\n"
                                      "[ ]: 95 % intervals, bootstrap, 1000 resamples, seed 42\n")
        self.assertEqual(self.run_score("sst2", "p.txt", "r.txt").stdout, done.stdout)
        self.assertEqual(self.score("sst2", "p.txt", "r.txt", "--seed", "7", "--confidence", ".5", "--bootstrap", "10")["bootstrap"],
                         {"resamples": 10, "confidence": 0.5, "seed": 7})

    def test_resamples_without_a_value_are_counted(self):
        self.write("p.txt", "1\n2\n")
        self.write("r.txt", "1\n2\n")
        notes = self.score("correlation", "p.txt", "r.txt", "--bootstrap", "100")["notes"]
        self.assertRegex(notes[0], r"^pearson: \d+ of 100 resamples have no value and are left out of the interval$")


class Preferences(ScoreTest):
    def test_win_rate(self):
        self.write("a.json", json.dumps([{"preference": p} for p in (2, 1, 1.5, None, 2)]))
        got = self.score("alpaca-eval", "a.json", "--bootstrap", "0")
        self.assertEqual(got["counts"], {"wins": 2, "losses": 1, "ties": 1, "left out (null)": 1})
        self.assertEqual(got["metrics"]["win_rate"]["value"], 0.625)
        # deviations .375 (twice), -.625, -.125: squares sum to .6875
        self.assertAlmostEqual(got["metrics"]["win_rate"]["standard_error"], (0.6875 / 3) ** 0.5 / 2, 14)

    def test_refusals(self):
        self.write("a.json", '[{"preference": 2}, {"preference": 3}]')
        self.assert_refused(3, "a.json: element 2: preference 3, expected 1 (the baseline won) to 2 (the model won), or 0 or 1.5 for a tie",
                            "alpaca-eval", "a.json")
        self.write("a.json", '[{"preference": null}]')
        self.assert_refused(3, "a.json: no preferences; expected at least one", "alpaca-eval", "a.json")


class PassAtK(ScoreTest):
    def test_estimates(self):
        self.write("r.jsonl", [{"task_id": t, "passed": p} for t, p in (("a", True), ("b", False), ("a", False), ("b", False))])
        self.write("problems.jsonl", [{"task_id": "a"}, {"task_id": "b"}])
        self.assertEqual(self.values("pass-at-k", "r.jsonl", "problems.jsonl", "--k", "1", "--k", "2"), {"pass@1": 0.25, "pass@2": 0.5})

    def test_refusals(self):
        self.write("r.jsonl", [{"task_id": "a", "passed": True}])
        self.assert_refused(3, 'r.jsonl: task_id "a" has 1 samples, pass@2 needs 2 of every task; draw more or give a smaller --k',
                            "pass-at-k", "r.jsonl", "--k", "2")
        self.write("problems.jsonl", [{"task_id": "a"}, {"task_id": "b"}])
        self.assert_refused(3, 'r.jsonl: no sample for task_id "b" of problems.jsonl: line 2; sample every problem', "pass-at-k", "r.jsonl", "problems.jsonl")
        self.write("problems.jsonl", [{"task_id": "b"}])
        self.assert_refused(3, 'r.jsonl: line 1: task_id "a" is not among the 1 of problems.jsonl', "pass-at-k", "r.jsonl", "problems.jsonl")
        self.write("r.jsonl", [{"task_id": "a", "passed": "maybe"}])
        self.assert_refused(3, 'r.jsonl: line 1: passed "maybe", expected true or false', "pass-at-k", "r.jsonl")


class Programs(ScoreTest):
    def setUp(self):
        super().setUp()
        self.write("problems.jsonl", [{"task_id": f"T/{i}", "prompt": "def f(x):\n", "entry_point": "f", "test": f"def check(g):\n    assert g(3) == {3 * i}\n"}
                                      for i in range(2)])

    def run_code(self, *arguments):
        return self.run_score(*arguments, "--allow-code-execution", "--python", PYTHON)

    def results(self, name):
        lines = (pathlib.Path(self.folder.name) / name).read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k not in ("elapsed_s", "program")} for line in lines]

    def test_humaneval(self):
        self.write("s.jsonl", [{"task_id": "T/1", "completion": "    return x\n"}, {"task_id": "T/0", "completion": "    return x\n"},
                               {"task_id": "T/0", "solution": "def f(x): return 0"}, {"task_id": "T/1", "completion": "    return 3\n"}])
        done = self.run_code("humaneval", "s.jsonl", "problems.jsonl", "--json", "--k", "1", "--k", "2", "--jobs", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        got = json.loads(done.stdout)
        self.assertEqual({n: m["value"] for n, m in got["metrics"].items()}, {"pass@1": 0.75, "pass@2": 1.0})
        self.assertEqual(got["counts"], {"samples": 4, "passed": 3, "failed": 1, "timeout": 0, "memory": 0, "output": 0})
        passed = {"passed": True, "result": "passed", "detail": ""}
        self.assertEqual(self.results("s.jsonl.results.jsonl"),
                         [{"task_id": "T/1", "sample": 0, **passed}, {"task_id": "T/0", "sample": 0, "passed": False, "result": "failed", "detail": "AssertionError"},
                          {"task_id": "T/0", "sample": 1, **passed}, {"task_id": "T/1", "sample": 1, **passed}])
        # What was kept can be scored again.
        self.assertEqual(self.values("pass-at-k", "s.jsonl.results.jsonl", "problems.jsonl", "--k", "2"), {"pass@2": 1.0})
        self.assert_refused(3, "s.jsonl.results.jsonl: exists; name another file with --results, or replace it with --overwrite",
                            "humaneval", "s.jsonl", "problems.jsonl", "--allow-code-execution")
        self.assertEqual(self.run_code("humaneval", "s.jsonl", "problems.jsonl", "--overwrite").returncode, 0)

    def test_mbpp(self):
        self.write("m.jsonl", [{"task_id": 11, "text": "Square.", "code": "...", "test_setup_code": "import math", "test_list": ["assert square(3) == 9", "assert square(-2) == math.pow(2, 2)"]},
                               {"task_id": 12, "test_imports": ["import math"], "test_list": ["assert half(3) == math.sqrt(2.25)"]}])
        self.write("s.jsonl", [{"task_id": 11, "completion": "def square(x):\r\n  return x * x"}, {"task_id": 12, "code": "def half(x): return x // 2"}])
        done = self.run_code("mbpp", "s.jsonl", "m.jsonl", "--json", "--results", "out.jsonl")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["metrics"]["pass@1"]["value"], 0.5)
        self.assertEqual([r["detail"] for r in self.results("out.jsonl")], ["", "AssertionError"])

    def test_off_unless_allowed(self):
        self.write("s.jsonl", [{"task_id": "T/0", "completion": f"    open('{self.folder.name}/ran', 'w')\n"}])
        self.assert_refused(2, 'humaneval runs the programs in s.jsonl on this machine; read "Running programs" in --help, then add --allow-code-execution',
                            "humaneval", "s.jsonl", "problems.jsonl")
        self.assertFalse((pathlib.Path(self.folder.name) / "ran").exists())

    def test_files_that_do_not_fit(self):
        self.write("s.jsonl", [{"task_id": "T/0", "completion": ""}, {"task_id": "T/9", "completion": ""}])
        allow = "--allow-code-execution"
        self.assert_refused(3, 's.jsonl: line 2: task_id "T/9" is not among the 2 of problems.jsonl', "humaneval", "s.jsonl", "problems.jsonl", allow)
        self.write("s.jsonl", [{"task_id": "T/0", "completion": ""}])
        self.assert_refused(3, 's.jsonl: no sample for task_id "T/1" of problems.jsonl: line 2; sample every problem', "humaneval", "s.jsonl", "problems.jsonl", allow)
        self.write("s.jsonl", [{"task_id": "T/0", "completion": ""}, {"task_id": "T/1", "output": ""}])
        self.assert_refused(3, 's.jsonl: line 2: no field "completion"', "humaneval", "s.jsonl", "problems.jsonl", allow)
        self.assert_refused(3, 'problems.jsonl: line 1: no field "test_list"', "mbpp", "s.jsonl", "problems.jsonl", allow)

    def test_interrupted(self):
        self.write("s.jsonl", [{"task_id": "T/0", "completion": "    import time; time.sleep(60)\n"}, {"task_id": "T/1", "completion": "    return x\n"}])
        child = subprocess.Popen([PROGRAM, "humaneval", "s.jsonl", "problems.jsonl", "--allow-code-execution", "--python", PYTHON, "--timeout", "60", "--jobs", "2"],
                                 cwd=self.folder.name, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        part = pathlib.Path(self.folder.name) / "s.jsonl.results.jsonl.part"
        for _ in range(1000):
            if part.exists():
                break
            time.sleep(0.01)
        time.sleep(0.5)
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=30)
        self.assertEqual((child.returncode, out), (75, ""))
        self.assertRegex(err, r"dare-score: stopped with [12] of 2 programs not run to their end; results so far are in s.jsonl.results.jsonl.part, the same command does the rest\n$")

    def test_goes_on_where_it_was(self):
        ran = pathlib.Path(self.folder.name)
        self.write("s.jsonl", [{"task_id": "T/1", "completion": "    return 0\n"}, {"task_id": "T/0", "completion": "    return 5\n"}])
        command = ["humaneval", "s.jsonl", "problems.jsonl"]
        self.assertEqual(self.run_code(*command).returncode, 0)
        whole = (ran / "s.jsonl.results.jsonl").read_text().splitlines(keepends=True)
        passed = whole[0].replace('"passed":false,"result":"failed"', '"passed":true,"result":"passed"')
        self.assertNotEqual(passed, whole[0])  # as only a run before can have found it
        cases = ((passed + whole[1][:20], [], "1 of 2", 0.5),                 # a line that was cut off
                 (passed, ["--timeout", "11"], None, 0.0),                    # another limit
                 (whole[1], [], None, 0.0), ("no JSON\n", [], None, 0.0))    # another order, another file
        for kept, more, taken, expected in cases:
            with self.subTest(kept=kept, more=more):
                (ran / "s.jsonl.results.jsonl").unlink()
                (ran / "s.jsonl.results.jsonl.part").write_text(kept)
                done = self.run_code(*command, "--json", *more)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual("results are in s.jsonl.results.jsonl.part already" in done.stderr, taken is not None)
                self.assertEqual(json.loads(done.stdout)["metrics"]["pass@1"]["value"], expected)
                self.assertEqual(len(self.results("s.jsonl.results.jsonl")), 2)

    def test_one_run_at_a_time(self):
        import fcntl
        self.write("s.jsonl", [{"task_id": "T/0", "completion": ""}, {"task_id": "T/1", "completion": ""}])
        part = pathlib.Path(self.folder.name) / "s.jsonl.results.jsonl.part"
        with open(part, "w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            self.assert_refused(3, "s.jsonl.results.jsonl.part: another dare-score is writing it; wait for its end, or name another file with --results",
                                "humaneval", "s.jsonl", "problems.jsonl", "--allow-code-execution", "--python", PYTHON)


class CommandLine(ScoreTest):
    def test_examples_of_the_help(self):
        """Each is run, on files of two items by their names."""
        for folder in ("glue/RTE", "gsm8k"):
            (pathlib.Path(self.folder.name) / folder).mkdir(parents=True)
        self.write("RTE.tsv", "index\tprediction\n0\tentailment\n1\tnot_entailment\n")
        self.write("glue/RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n1\tc\td\tentailment\n")
        self.write("generations.jsonl", [{"generation": "6 and 1 is 7"}, {"generation": "so 8"}])
        self.write("gsm8k/test.jsonl", [{"question": "q", "answer": "#### 7"}, {"question": "q", "answer": "#### 9"}])
        self.write("p.csv", "prediction\nspam\nham\n")
        self.write("r.csv", "label\nspam\nspam\n")
        self.write("HumanEval.jsonl", [{"task_id": f"T/{n}", "prompt": "def f(x):\n", "entry_point": "f", "test": "def check(f):\n    assert f(1) == 1\n"} for n in (0, 1)])
        self.write("samples.jsonl", [{"task_id": f"T/{n % 2}", "completion": f"    return {n // 10}\n"} for n in range(20)])
        self.write("predictions.txt", "1\n0\n")
        self.write("dev.tsv", "sentence\tlabel\na\t1\nb\t1\n")
        self.write("annotations.json", json.dumps([{"preference": 2}, {"preference": 1}]))
        examples = self.run_score("--help").stdout.split("\nExamples:\n")[1].split("\nExit codes:")[0]
        lines = re.findall(r"^  # .*\n  dare-score (.+)$", examples, re.M)
        self.assertGreaterEqual(len(lines), 7)
        for line in lines:
            done = self.run_score(*shlex.split(line), *(["--python", PYTHON] if "--allow-code-execution" in line else []))
            self.assertEqual(done.returncode, 0, f"{line}: {done.stderr}")
            self.assertRegex(done.stdout, r"\b0\.5|\b1\.0", line)

    def test_help_and_version(self):
        done = self.run_score("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        tasks = "cola sst2 wnli mrpc qqp stsb mnli mnli-mm qnli rte classification correlation gsm8k math exact-match pass-at-k alpaca-eval humaneval mbpp"
        for word in tasks.split() + ["--allow-code-execution", "index<TAB>prediction", "Examples", "Exit codes"]:
            self.assertIn(word, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 150)
        self.assertRegex(self.run_score("--version").stdout, r"^dare-score \d+\.\d+\.\d+\n")

    def test_refusals(self):
        see = "see dare-score --help"
        self.assert_refused(2, f"no TASK; {see}")
        self.assert_refused(2, 'no task "glue"; give one of cola, sst2, mrpc, qqp, stsb, mnli, mnli-mm, qnli, rte, wnli, classification, correlation, gsm8k, '
                               "math, exact-match, pass-at-k, alpaca-eval, humaneval, mbpp", "glue", "a", "b")
        self.assert_refused(2, 'no task "gsm8"; did you mean gsm8k?', "gsm8", "a", "b")
        self.assert_refused(2, "rte takes PREDICTIONS REFERENCES; 1 file given", "rte", "a.tsv")
        self.assert_refused(2, "alpaca-eval takes ANNOTATIONS; 2 files given", "alpaca-eval", "a.json", "b.json")
        self.assert_refused(2, "--seed -1: give a whole number from 0 to 18446744073709551615", "rte", "a", "b", "--seed", "-1")
        self.assert_refused(2, "--positive: does nothing for gsm8k; leave it out", "gsm8k", "a", "b", "--positive", "zz")
        self.assert_refused(2, "--k: does nothing for gsm8k; leave it out", "gsm8k", "a", "b", "--k", "7")
        self.assert_refused(2, "--allow-code-execution: does nothing for rte; leave it out", "rte", "a", "b", "--allow-code-execution")
        self.assert_refused(2, "--id: does nothing for alpaca-eval; leave it out", "alpaca-eval", "a", "--id", "x")
        self.assert_refused(2, "--k 0: give a whole number from 1 to 1000000", "pass-at-k", "a", "--k", "0")
        self.assert_refused(2, "--confidence 1: give a number above 0 and below 1", "rte", "a", "b", "--confidence", "1")
        self.assert_refused(2, "--confidence nan: give a number above 0 and below 1", "rte", "a", "b", "--confidence", "nan")
        self.assert_refused(3, "a.tsv: no such file", "rte", "a.tsv", "b.tsv")
        self.write("p.csv", "a,b\n1,2\n")
        self.assert_refused(3, "p.csv: no field prediction, pred, output, completion, generation, response, label, answer, value; found a, b; "
                               "name the field with --prediction-field", "rte", "p.csv", "p.csv")

    def test_words_that_begin_with_a_dash(self):
        self.write("-p.txt", "1\n")
        self.write("-r.txt", "1\n")
        done = self.run_score("sst2", "--bootstrap", "0", "--", "-p.txt", "-r.txt")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
