"""dare-sweep run again with other settings: whose checkpoints are deleted, what is scored again, what is refused and why."""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from dare_system import FAULTS, command, contents, environment, own_words, random_model, run, with_fault, write_safetensors
from dare_sweep import KeepTest, outcomes, rows


class Keep(KeepTest):
    def test_points_of_another_sweep_neither_win_nor_are_deleted(self):
        self.scores(a=5, b=4, c=3, d=6)
        self.swept(0, self.text({"a": 0.1}))
        self.swept(2, self.text({"b": 0.2, "c": 0.3}, "keep: best", "score: x"))
        self.assertEqual(self.there(), ["a", "b"])
        self.swept(0, self.text({"d": 0.4}, "keep: none"))
        self.assertEqual(self.there(), ["a", "b"])
        self.assertEqual({name: row["output"] for name, row in rows(self.path("swept")).items()}, {"a": "a", "b": "b", "c": "", "d": ""})

    def test_a_record_that_names_another_folder_deletes_nothing_there(self):
        self.scores(a=5, b=4)
        os.mkdir(self.path("other"))
        self.write("other/model.safetensors", "of another")
        for name in ("../other", self.path("other"), "points/../../other", "..", "."):
            with self.subTest(name=name):
                text = self.text({"a": 0.1, "b": 0.2}, "keep: best", "score: x")
                self.swept(0, text, "--overwrite")
                file = self.path("swept", "points", "b.json")
                with open(file) as record:
                    changed = json.load(record)
                self.assertEqual(changed["output"], "")
                with open(file, "w") as record:
                    json.dump({**changed, "output": name}, record)
                # The record is none: the point is made and scored again, and loses again.
                self.assertEqual((self.swept(0, text)["done"], self.there()), (1, ["a"]))
                with open(self.path("other", "model.safetensors")) as other:
                    self.assertEqual(other.read(), "of another")

    def test_a_damaged_record_is_none(self):
        self.scores(a=5)
        text = self.text({"a": 0.1}, "keep: none")
        self.swept(0, text)
        record = self.path("swept", "points", "a.json")
        with open(record) as file:
            known = json.load(file)
        for damage in ({"scores": {"x": "5"}}, {"inputs": 1}, {"inputs": [1]}, {"inputs": [{**known["inputs"][0], "size": "1"}]},
                       {"inputs": [{**known["inputs"][0], "modified": 1}]}):
            with self.subTest(damage=damage):
                self.write(record, json.dumps({**known, **damage}))
                self.assertEqual(self.swept(0, text)["done"], 1)
                with open(record) as file:
                    self.assertEqual({**json.load(file), "times": None}, {**known, "times": None})

    def test_the_best_of_all_runs_and_groups_stays(self):
        self.scores(a=5, b=4, c=9, d=6)
        self.swept(0, self.text({"a": 0.1, "b": 0.2}))
        self.assertEqual(self.there(), ["a", "b"])
        self.swept(2, self.text({"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}, "keep: best", "score: x"), "--groups", "2")
        self.assertEqual(self.there(), ["c"])
        self.assertEqual(self.asked(), ["a", "b", "c", "d"])

    def test_a_score_that_decides_and_is_not_there_is_told(self):
        self.scores(a={"x": 1, "y": 2}, b={"x": 3})
        points = {"a": 0.1, "b": 0.2}
        process = self.sweep(0, self.text(points, "keep: best", "score: y"))
        self.assertEqual(process.returncode, 1, process.stderr)
        message = 'has no score "y", which score: names, only x; mend score: or what evaluate prints'
        self.assertEqual(own_words(process, "dare-sweep"), ["dare-sweep: point b: merged, not scored: " + message])
        table = rows(self.path("swept"))
        self.assertEqual((table["b"]["status"], table["b"]["error"], table["b"]["x"]), ("unscored", message, "3"))
        self.assertEqual(self.there(), ["a", "b"])
        self.asked()
        # A mended name needs no evaluation.
        self.assertEqual(self.swept(0, self.text(points, "keep: best", "score: x"))["done_before"], 2)
        self.assertEqual((self.there(), self.asked()), (["b"], []))
        self.assertEqual(rows(self.path("swept"))["b"]["error"], "")
        # What the other point would need is gone.
        self.refused(self.sweep(0, self.text(points, "keep: best", "score: z")), f'dare-sweep: {self.path("swept", "a")}: has no score "z", which score: '
                     "names, only x, y, and its checkpoint is deleted; name another folder, or give --overwrite")


class Best(KeepTest):
    points = {"a": 0.1, "b": 0.2, "c": 0.3}

    def test_one_whose_checkpoint_is_gone_is_made_again(self):
        self.scores(a=1, b=3, c=2)
        self.swept(2, self.text(self.points, "keep: none"))
        self.swept(0, self.text({"b": 0.2}, evaluate=False), output="expected")
        before = outcomes(self.path("swept"))
        self.asked()
        text = self.text(self.points, "keep: best", "score: x")
        plan = json.loads(self.sweep(0, text, "--plan", "--json").stdout)
        self.assertEqual((plan["to_do"], plan["done"]), (1, 2))
        for _ in range(2):  # after keep: none, and after a user has removed it
            summary = self.swept(2, text)
            self.assertEqual((summary["done_before"], summary["done"], summary["passes"]), (2, 1, 1))
            self.assertEqual((self.there(), summary["best"]["checkpoint"]), (["b"], self.path("swept", "b")))
            self.assert_same(contents(self.path("swept", "b")), contents(self.path("expected", "b")), "b")
            self.assertEqual(self.swept(0, text)["done_before"], 3)
            shutil.rmtree(self.path("swept", "b"))
            after = outcomes(self.path("swept"))
            before["b"]["output"] = "b"
            self.assertEqual(after, before)

    def test_a_plan_knows_what_a_killed_deletion_left(self):
        self.scores(a=1, b=3, c=2)
        # The record is without the name of the checkpoint, which is there as a whole.
        self.assertNotEqual(self.sweep(0, self.text(self.points, "keep: none"), **with_fault("rename:1:KILL", "swept/b")).returncode, 0)
        self.assertIn("b", self.there())
        text = self.text(self.points, "keep: best", "score: x")
        plan = json.loads(self.sweep(0, text, "--plan", "--json").stdout)
        self.assertEqual((plan["to_do"], plan["to_score"]), (0, 1))
        summary = self.swept(0, text)
        self.assertEqual((summary["passes"], summary["done"], self.there()), (0, 1, ["b"]))

    def test_equal_ones_are_said(self):
        self.scores(a=1, b=2, c=2)
        process = self.sweep(2, self.text(self.points, "keep: best", "score: x"))
        self.assertEqual(process.stdout.splitlines()[1:], [f"best x: 2 (highest), point b, checkpoint {self.path('swept', 'b')}",
                                                           "  equal to it: c; of equals the first of the sweep counts"])
        self.assertEqual(self.there(), ["b"])
        self.assertEqual(self.swept(0, self.text(self.points, "keep: best", "score: x"))["best"]["equals"], ["c"])

    def test_a_deletion_that_was_killed_is_finished(self):
        self.scores(a=1, b=3, c=2)
        for ending, more in (("", []), (".safetensors", ["format: safetensors"])):
            for keep, left in ((["keep: none"], []), (["keep: best", "score: x"], ["b" + ending])):
                # A record without its checkpoint's name beside the whole checkpoint; records of a pass of which some are written.
                for call, path in (("rename:1:KILL", f"swept/a{ending}"), ("rename:2:KILL", ".json")):
                    with self.subTest(keep=keep, call=call, ending=ending):
                        script = self.text(self.points, *keep, *more)
                        self.assertNotEqual(self.sweep(0, script, **with_fault(call, path)).returncode, 0)
                        self.assertEqual(self.sweep(0, script).returncode, 0)
                        wanted = [*left, *(name + ".manifest.json" for name in left if ending)]
                        self.assertEqual(self.there(), wanted)
                        os.makedirs(self.path("swept", f".a{ending}.deleted", "cache"))  # half of one
                        self.assertEqual(self.sweep(0, script).returncode, 0)
                        self.assertEqual(self.there(), wanted)
                        shutil.rmtree(self.path("swept"))


class Evaluate(KeepTest):
    points = {"a": 0.1, "b": 0.2}

    def test_one_that_is_added_runs_on_what_is_done(self):
        self.swept(0, self.text(self.points, evaluate=False))
        self.scores(a=1, b=2)
        summary = self.swept(2, self.text(self.points))
        self.assertEqual((summary["done_before"], summary["done"], summary["bytes_read"]), (0, 2, 0))
        self.assertEqual(self.asked(), ["a", "b"])
        self.assertEqual({name: row["x"] for name, row in rows(self.path("swept")).items()}, {"a": "1", "b": "2"})

    def test_one_that_is_changed_runs_again(self):
        self.scores(a=1, b=2)
        self.swept(0, self.text(self.points))
        self.scores(a={"y": 3}, b={"y": 4})
        self.asked()
        self.swept(0, self.text(self.points))
        self.assertEqual(self.asked(), [])
        changed = self.text(self.points).replace("{point}\n", "{point} --other\n")
        self.assertEqual(json.loads(self.sweep(0, changed, "--plan", "--json").stdout)["to_score"], 2)
        self.swept(0, changed)
        self.assertEqual(self.asked(), ["a", "b"])
        self.assertEqual({name: (row["y"], "x" in row) for name, row in rows(self.path("swept")).items()}, {"a": ("3", False), "b": ("4", False)})

    def test_one_that_is_changed_after_the_checkpoints_are_deleted_is_refused(self):
        self.scores(a=1, b=2)
        self.swept(0, self.text(self.points, "keep: best", "score: x"))
        changed = self.text(self.points, "keep: best", "score: x").replace("{point}\n", "{point} --other\n")
        self.refused(self.sweep(0, changed), f"dare-sweep: {self.path('swept', 'a')}: was scored by another evaluate, and its checkpoint is deleted; "
                     "name another folder, or give --overwrite")
        summary = self.swept(0, changed, "--overwrite")
        self.assertEqual((summary["done"], summary["passes"]), (2, 1))
        self.assertEqual(self.there(), ["b"])

    def test_without_one_what_was_not_scored_is_done(self):
        self.scores(a=1)
        self.assertEqual(self.sweep(0, self.text(self.points)).returncode, 1)
        summary = self.swept(0, self.text(self.points, evaluate=False))
        self.assertEqual((summary["done_before"], summary["done"]), (2, 0))
        self.assertEqual({name: (row["status"], row["error"]) for name, row in rows(self.path("swept")).items()}, {"a": ("done", ""), "b": ("done", "")})

    def test_a_checkpoint_is_scored_although_its_inputs_are_away(self):
        self.scores(a=1)
        self.assertEqual(self.sweep(0, self.text(self.points)).returncode, 1)
        os.rename(self.path("m0.safetensors"), self.path("away"))
        self.scores(a=1, b=2)
        summary = self.swept(0, self.text(self.points))
        self.assertEqual((summary["done_before"], summary["done"]), (1, 1))
        self.assertEqual(rows(self.path("swept"))["b"]["x"], "2")


class Broken(KeepTest):
    """An evaluation that gives no score, while checkpoints that nobody has scored fill the disk."""

    points = {name: rate for name, rate in zip("abcd", (0.1, 0.2, 0.3, 0.4))}
    words = ("dare-sweep: no point of a pass could be scored, and what is not scored stays on the disk; mend evaluate; the same command goes on")

    def setUp(self):
        super().setUp()
        plan = json.loads(self.sweep(0, self.text(self.points), "--plan", "--json").stdout)
        self.size = plan["bytes_written"] // 4
        self.free = self.path("free")

    def let_free(self, bytes_):
        self.write(self.free, str(bytes_))

    def preload(self):
        return {"LD_PRELOAD": FAULTS, "DARE_FAULT_FREE": self.free}

    def test_a_pass_that_gives_no_score_is_the_last(self):
        self.scores()
        for keep in (["keep: none"], ["keep: best", "score: x"]):
            with self.subTest(keep=keep):
                output = "broken" + str(len(keep))
                self.let_free(3 * self.size)
                process = self.sweep(0, self.text(self.points, *keep), output=output, **self.preload())
                self.assertEqual(process.returncode, 1, process.stderr)
                self.assertEqual(own_words(process, "dare-sweep")[-1], self.words)
                self.assertEqual(self.there(output), ["a", "b"])
                self.assertIn("2 points are merged, but not scored", process.stdout)
        # Where nothing is left to be merged the points alone tell of it.
        self.let_free(9 * self.size)
        process = self.sweep(0, self.text(self.points, "keep: none"), output="whole", **self.preload())
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertNotIn(self.words, process.stderr)
        self.assertEqual(self.there("whole"), ["a", "b", "c", "d"])

    def test_what_needs_scoring_alone_makes_room(self):
        for np in (1, 2):
            with self.subTest(np=np):
                output = f"room{np}"
                self.scores()
                self.let_free(3 * self.size)
                text = self.text(self.points, "keep: none")
                self.assertEqual(self.sweep(0, text, output=output, **self.preload()).returncode, 1)
                left = self.there(output)
                self.assertEqual(left, ["a", "b"])
                self.asked()
                self.let_free(self.size // 2)
                more = ["--groups", str(np)]
                # Still broken: nothing more is merged.
                process = self.sweep(np, text, *more, output=output, **self.preload())
                self.assertEqual((process.returncode, own_words(process, "dare-sweep")[-1], self.there(output)), (1, self.words, left), process.stderr)
                self.assertEqual(self.sweep(np, text, "--plan", *more, output=output, **self.preload()).returncode, 0)
                # Mended, and the checkpoints that went left their room.
                with open(self.script, "a") as script:
                    script.write(f"open({self.free!r}, 'w').write({str(9 * self.size)!r})\n")
                self.scores(a=1, b=2, c=3, d=4)
                self.asked()
                summary = self.swept(np, text, *more, output=output, **self.preload())
                self.assertEqual((summary["done"], summary["passes"], self.there(output), self.asked()), (4, np, [], ["a", "b", "c", "d"]))


class Identity(KeepTest):

    def test_a_plan_is_refused_as_the_run_is(self):
        self.swept(0, self.text({"a": 0.1, "b": 0.1, "c": 0.3}, evaluate=False).replace("b: {drop_rate: 0.1", "b: {drop_rate: 0.2"))
        before = contents(self.path("swept"))
        other = self.text({"a": 0.25, "b": 0.5, "c": 0.3}, evaluate=False)
        lines = ["dare-sweep: 2 problems found:"]
        lines += [f"  {self.path('swept', name)}: was made by another run: recipe.models[0].drop_rate: {now}, was {was}" for name, now, was in (("a", 0.25, 0.1), ("b", 0.5, 0.2))]
        for more in (["--plan"], []):
            process = self.sweep(2, other, *more)
            self.assertEqual((process.returncode, process.stdout), (3, ""), process.stderr)
            words = own_words(process, "dare-sweep")
            self.assertEqual([words[0], words[1], words[3]], lines)
        self.assertEqual(contents(self.path("swept")), before)
        self.assertEqual(self.sweep(2, other, "--plan", "--overwrite").returncode, 0)

    def test_a_plan_writes_nothing(self):
        self.swept(0, self.text({"a": 0.1}, evaluate=False))
        os.remove(self.path("swept", "points", "a.json"))
        before = contents(self.path("swept"))
        self.assertEqual(json.loads(self.sweep(0, self.text({"a": 0.1}, evaluate=False), "--plan", "--json").stdout)["done"], 1)
        self.assertEqual(contents(self.path("swept")), before)

    def test_neither_hashes_nor_a_new_version_make_another_point(self):
        text = self.text({"a": 0.1, "b": 0.2}, evaluate=False)
        self.swept(0, text)
        self.assertEqual(self.swept(0, text, "--hash-inputs")["done_before"], 2)
        # As an older version has written it, with its record and without.
        for name in ("a", "b"):
            manifest = self.path("swept", name, "dare-manifest.json")
            with open(manifest) as file:
                old = file.read()
            self.assertIn('"program": "dare-mpi ', old)
            self.write(manifest, old.replace('"program": "dare-mpi ', '"program": "dare-mpi 0.0.'))
        os.remove(self.path("swept", "points", "b.json"))
        record = self.path("swept", "points", "a.json")
        with open(record) as file:
            known = json.load(file)
        self.write(record, json.dumps({**known, "identity": "of an older version"}))
        self.assertEqual(self.swept(0, text)["done_before"], 2)
        with open(record) as file:
            self.assertEqual(json.load(file)["identity"], known["identity"])

    def test_contents_are_compared_where_both_runs_hashed_them(self):
        text = self.text({"a": 0.1}, evaluate=False)
        self.swept(0, text, "--hash-inputs")
        model = random_model(self.shapes, "other")
        write_safetensors(self.path("m1.safetensors"), model, {"format": "pt"})
        process = self.sweep(0, text)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn(f"dare-sweep: {self.path('m1.safetensors')}: was changed since it gave 1 point", process.stderr)
        self.refused(self.sweep(0, text, "--hash-inputs"), f"dare-sweep: {self.path('swept', 'a')}: was made by another run: the contents of its inputs were "
                     "others; name another folder, or give --overwrite")

    def test_what_differs_is_named_also_where_no_manifest_is_left(self):
        self.scores(a=1)
        self.swept(0, self.text({"a": 0.1}, "keep: none"))
        where = f"dare-sweep: {self.path('swept', 'a')}: was made by another run: "
        end = "; name another folder, or give --overwrite"
        self.refused(self.sweep(0, self.text({"a": 0.2}, "keep: none")), f"{where}drop_rate: 0.2, was 0.1{end}")
        self.refused(self.sweep(0, self.text({"a": 0.1}, "keep: none", "overflow: saturate")), f"{where}settings that results.csv does not show were others{end}")
        write_safetensors(self.path("m1.safetensors"), random_model({"a.weight": [40, 32]}, "m1"), {"format": "pt", "more": "1"})
        self.refused(self.sweep(0, self.text({"a": 0.1}, "keep: none")), f"{where}the headers of its inputs were others{end}")


class Processes(KeepTest):
    def running(self, name):
        """Processes that have the file's name among their words."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.path(name).encode() in file.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def start(self, **env):
        """A sweep whose evaluation ignores SIGTERM and has a process in a session of its own."""
        linger = self.write("linger.py", "import sys, time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(1000)\n")
        self.write("evaluate.sh", f"trap '' TERM\nsetsid python3 {linger} session &\npython3 {linger} group\necho '{{\"x\": 1}}'\n")
        self.write("sweep.yml", self.recipe + f"points: {{p: {{drop_rate: 0.5}}}}\nevaluate: sh {self.path('evaluate.sh')}\n")
        process = subprocess.Popen(command(2, "dare-sweep", self.path("sweep.yml"), self.path("swept")), env=environment(**env), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
        self.wait_for(lambda: len(self.running("linger.py")) == 2)
        return process

    def wait_for(self, condition):
        end = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_an_evaluation_ends_with_a_killed_sweep(self):
        process = self.start()
        for pid in self.running("swept"):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read() == "dare-sweep\n":
                    os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=60)
        self.wait_for(lambda: not self.running("linger.py"))

    def test_an_evaluation_ends_with_an_interrupted_mpirun(self):
        for second in (0, 1):  # SIGTERM and SIGKILL at once, or with a second between them, mpirun's own default
            with self.subTest(second=second):
                process = self.start(OMPI_MCA_odls_base_sigkill_timeout=second)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
                self.wait_for(lambda: not self.running("linger.py"))
                shutil.rmtree(self.path("swept"))


class Words(KeepTest):
    def test_a_folder_and_a_cluster_that_cannot_be(self):
        text = self.write("sweep.yml", self.text({"a": 0.1}, evaluate=False))
        self.assert_refused(run(0, "dare-sweep", text, ""), 2, "OUTDIR is empty; name the folder that the sweep writes to", "dare-sweep")
        self.assert_refused(self.sweep(0, self.text({"a": 0.1}), "--plan", "--ranks", "4", "--nodes", "8"), 2,
                            "--ranks 4 cannot be on --nodes 8: give a rank a node or more", "dare-sweep")

    def test_a_path_with_spaces(self):
        self.scores(a=1)
        text = self.text({"a": 0.1}).replace("{checkpoint}", "'{checkpoint}'")
        self.assert_refused(self.sweep(0, text, output="a b"), 2, self.path("sweep.yml") + ":9: evaluate: {checkpoint} stands within quotes and becomes "
                            f"'{self.path('a b')}'..., which has quotes of its own; write it without quotes, or \"$CHECKPOINT\"", "dare-sweep")
        self.assertFalse(os.path.exists(self.path("a b")))
        text = self.text({"a": 0.1}).replace("{checkpoint} {point}", '"$CHECKPOINT" "$POINT" && test -e "$CHECKPOINT/model.safetensors"')
        text = text.replace("evaluate: ", "evaluate: |\n  ")
        self.assertEqual(self.swept(0, text, output="a b")["done"], 1)

    def test_many_points_are_said_and_planned(self):
        numbers = ", ".join(str(i) for i in range(100))
        text = self.recipe + f"grid: {{drop_rate: [0.5], seed: [{numbers}], lambda: [{numbers}]}}\n"
        process = self.sweep(0, text, "--plan", "--json")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertEqual(json.loads(process.stdout)["to_do"], 10000)
        self.assertEqual(own_words(process, "dare-sweep"), ["dare-sweep: plans 10000 points"])


if __name__ == "__main__":
    unittest.main()
