"""What stays where something cannot be deleted, made again, or was cut by a kill."""

import json
import os
import shutil
import unittest

from dare_sweep import KeepTest, SweepTest, made, outcomes, rows
from dare_system import contents, own_words, with_fault


class Leftovers(KeepTest):
    """What a killed run leaves is removed by the next one, whatever its settings are."""

    def test_cut_deletions_of_other_settings(self):
        self.scores(a=1, b=2, gone=3)
        self.swept(0, self.text({"a": 0.1, "gone": 0.3}, "keep: none"))
        left = [".a.deleted", ".gone.deleted", ".gone.safetensors.deleted", ".new.h5.deleted"]
        others = [".other.deleted", ".deleted", "..deleted"]
        for name in left + others:
            os.makedirs(self.path("swept", name, "half"))
        text = self.text({"a": 0.1, "new": 0.2}, evaluate=False)
        self.assertEqual(self.sweep(0, text, "--plan").returncode, 0)
        self.assertEqual(self.there(), sorted(left + others))
        self.swept(0, text)
        self.assertEqual(self.there(), sorted([*others, "new"]))

    def test_journals_that_nothing_goes_on_from(self):
        statistics = self.text({"a": 0.1, "b": 0.2}, "outputs: statistics", evaluate=False)
        self.swept(0, statistics)
        for name in ("a", "gone"):
            self.write(f"swept/points/{name}.sums", "of a killed run")
        self.assertEqual(self.sweep(0, statistics, "--plan").returncode, 0)
        sums = lambda output: sorted(name for name in os.listdir(self.path(output, "points")) if name.endswith(".sums"))
        self.assertEqual(sums("swept"), ["a.sums", "gone.sums"])
        self.swept(0, statistics)
        self.assertEqual(sums("swept"), [])
        # Of statistics that are never measured now.
        os.makedirs(self.path("models", "points"))
        self.write("models/points/a.sums", "of a killed run")
        self.swept(0, self.text({"a": 0.1}, evaluate=False), output="models")
        self.assertEqual(sums("models"), [])


class Undeletable(KeepTest):
    """Files that cannot be deleted, for a while."""

    points = {"a": 0.1, "b": 0.2, "c": 0.3}

    def test_a_checkpoint_that_stays_costs_no_scores(self):
        self.scores(a=1, b=3, c=2)
        for keep, stays, left in ((["keep: none"], "b", []), (["keep: best", "score: x"], "a", ["b"])):
            with self.subTest(keep=keep):
                text = self.text(self.points, *keep)
                aside = self.path("swept", f".{stays}.deleted")
                process = self.sweep(2, text, **with_fault("unlink:1:EIO", f".{stays}.deleted/"))
                self.assertEqual(process.returncode, 1, process.stderr)
                told = own_words(process, "dare-sweep")
                self.assertEqual(told, [f"dare-sweep: point b: scored, a checkpoint is not deleted: {aside}: cannot be removed: Input/output error",
                                        f"dare-sweep: {aside}: cannot be removed: Input/output error; the scores stand, the same command again "
                                        "deletes what is left"])
                self.assertEqual({name: (row["status"], row["x"]) for name, row in rows(self.path("swept")).items()},
                                 {"a": ("done", "1"), "b": ("done", "3"), "c": ("done", "2")})
                self.assertEqual(self.there(), sorted([os.path.basename(aside), *left]))
                self.asked()
                again = self.swept(0, text)
                self.assertEqual((again["done_before"], again["done"], self.asked(), self.there()), (3, 0, [], left))
                shutil.rmtree(self.path("swept"))


class Damaged(SweepTest):
    """Files of a finished point that somebody removed or cut short."""

    shapes = {"a.weight": [40, 32], "b.weight": [300, 20]}

    def setUp(self):
        super().setUp()
        self.make_family()

    def weights(self, point):
        for folder, folders, files in os.walk(self.path("swept")):
            folders.sort()
            for name in sorted(files):
                if point in os.path.join(folder, name) and name.endswith((".safetensors", ".h5")):
                    return os.path.join(folder, name)

    def cut(self, file):
        os.truncate(file, os.path.getsize(file) - 5)

    def test_the_point_is_made_again(self):
        for lines in ("format: folder", "format: safetensors", "format: h5", "outputs: delta", "outputs: delta\nformat: h5"):
            text = self.recipe + "points: {p: {drop_rate: 0.5}, q: {drop_rate: 0.25}}\n" + lines + "\n"
            self.swept(2, text)
            expected = made(self.path("swept"))
            self.assertEqual(self.swept(0, text)["done_before"], 2)
            for damage in (os.remove, self.cut):
                with self.subTest(lines=lines, damage=damage):
                    file = self.weights("p")
                    size = os.path.getsize(file)
                    damage(file)
                    plan = self.sweep(0, text, "--plan")
                    self.assertIn("points         2: 1 to do, 1 done by earlier runs", plan.stdout)
                    process = self.sweep(2, text, "--json")
                    self.assertEqual(process.returncode, 0, process.stderr)
                    (said,) = own_words(process, "dare-sweep")
                    again = "point " + plan.stdout.split("  made again   ")[1].split("\n")[0] + "; it is made again"
                    self.assertEqual((own_words(plan, "dare-sweep"), said), ([], "dare-sweep: " + again))
                    self.assertTrue(said.startswith("dare-sweep: point p: was done, but ") and said.endswith("; it is made again"), said)
                    if "delta" not in lines:
                        self.assertIn(f"{file} is not there" if damage is os.remove else f"{file} has {size - 5} bytes, and had {size} when it was made", said)
                    summary = json.loads(process.stdout)
                    self.assertEqual((summary["done_before"], summary["done"]), (1, 1))
                    self.assert_same(made(self.path("swept")), expected, lines)
            os.remove(self.path("swept", "points", "p.json"))  # as after a kill before the record
            self.cut(self.weights("p"))
            self.assertEqual(self.swept(2, text)["done"], 1)
            self.assert_same(made(self.path("swept")), expected, lines)
            shutil.rmtree(self.path("swept"))

    def test_what_lies_with_it_is_not_removed(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\n"
        self.swept(0, text)
        notes = self.write("swept/p/notes.txt", "of the user")
        weights = self.path("swept", "p", "model.safetensors")
        os.remove(weights)
        before = contents(self.path("swept"))
        for more in ([], ["--plan"]):
            self.assert_refused(self.sweep(2, text, *more), 3, f"{notes}: is in a folder of a model and no part of one; the point there was done, but {weights} "
                                "is not there: to have it made again move that away", "dare-sweep")
        self.assert_same(contents(self.path("swept")), before, "refused")

    def test_another_model_in_its_place_is_not_removed(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\nformat: folder\n"
        self.swept(0, text)
        os.remove(self.path("swept", "p", "dare-manifest.json"))
        shutil.copy(self.path("base.safetensors"), self.weights("p"))
        before = contents(self.path("swept"))
        for more in ([], ["--plan"]):
            self.assert_refused(self.sweep(0, text, *more), 3, f"{self.path('swept', 'p')}: may be another model than the point's, which "
                                f"{self.path('swept', 'p', 'dare-manifest.json')} would tell: it is not there; name another folder, or give --overwrite", "dare-sweep")
        self.assert_same(contents(self.path("swept")), before, "refused")
        self.assertEqual(self.swept(0, text, "--overwrite")["done"], 1)

    def test_another_points_model_in_its_place_is_refused(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}, q: {drop_rate: 0.25}}\nformat: folder\n"
        self.swept(0, text)
        shutil.rmtree(self.path("swept", "p"))
        shutil.copytree(self.path("swept", "q"), self.path("swept", "p"))
        self.assert_refused(self.sweep(0, text), 3, f"{self.path('swept', 'p')}: is not what the point gave, by "
                            f"{self.path('swept', 'p', 'dare-manifest.json')}; name another folder, or give --overwrite", "dare-sweep")

    def test_of_a_point_without_a_file_its_empty_folder_is_no_matter(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\nformat: folder\n"
        self.swept(0, text)
        expected = made(self.path("swept"))
        for name in os.listdir(self.path("swept", "p")):
            os.remove(self.path("swept", "p", name))
        self.assertEqual(self.swept(0, text)["done"], 1)
        self.assert_same(made(self.path("swept")), expected, "made again")

    def test_a_model_that_no_sweep_made_is_not_overwritten(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\nformat: folder\n"
        os.makedirs(self.path("swept", "p"))
        shutil.copy(self.path("m0.safetensors"), self.path("swept", "p", "model.safetensors"))
        before = contents(self.path("swept"))
        for more in ([], ["--overwrite"]):
            process = self.sweep(0, text, *more)
            self.assertEqual(process.returncode, 3, process.stderr)
            self.assertIn(": no sweep made it: it has no manifest; move it away, or name another folder", process.stderr)
            self.assert_same(contents(self.path("swept")), before, "refused")

    def test_nothing_is_removed_where_the_run_is_refused(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\n"
        self.swept(0, text)
        self.cut(self.weights("p"))
        before = contents(self.path("swept"))
        process = self.sweep(2, text, "--memory-per-rank", "1")
        self.assertEqual(process.returncode, 2, process.stderr)
        self.assert_same(contents(self.path("swept")), before, "refused")

    def test_it_is_scored_again(self):
        text = self.recipe + "points: {p: {drop_rate: 0.5}}\nevaluate: echo '{\"x\":' $(ls {checkpoint} | wc -l) '}'\n"
        self.swept(0, text)
        expected = outcomes(self.path("swept"))
        self.cut(self.weights("p"))
        self.assertEqual(self.swept(0, text)["done"], 1)
        self.assertEqual(outcomes(self.path("swept")), expected)


class FailedAgain(KeepTest):
    """An attempt to make a point anew that fails leaves what is known of it."""

    points = {"a": 0.1, "b": 0.2, "c": 0.3}

    def test_the_best_that_cannot_be_made_again_keeps_its_scores(self):
        self.scores(a=1, b=3, c=2)
        self.swept(0, self.text(self.points, "keep: none"))
        before = outcomes(self.path("swept"))
        text = self.text(self.points, "keep: best", "score: x")
        process = self.sweep(2, text, "--json", **with_fault("pwrite:1:EIO", "b.partial/model"))
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertIn("dare-sweep: point b: ", process.stderr)
        summary = json.loads(process.stdout)
        self.assertEqual((summary["failed"], summary["best"]["point"], summary["best"]["checkpoint"]), (1, "b", None))
        self.assertEqual(outcomes(self.path("swept")), before)
        self.asked()
        self.assertEqual((self.swept(0, text)["done"], self.there(), self.asked()), (1, ["b"], []))

    def test_a_checkpoint_that_is_not_replaced_keeps_its_record(self):
        self.scores(a=1, b=3)
        points = {"a": 0.1, "b": 0.2}
        self.swept(0, self.text(points))
        before = outcomes(self.path("swept"))
        self.write("swept/a/notes.txt", "of the user")
        process = self.sweep(2, self.text({"a": 0.4, "b": 0.2}), "--overwrite", "--json")
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertIn("notes.txt", process.stderr)
        summary = json.loads(process.stdout)
        self.assertEqual((summary["failed"], summary["done_before"]), (1, 1))
        self.assertEqual(outcomes(self.path("swept")), before)
        # The settings of before find all of it.
        self.assertEqual(self.swept(0, self.text(points))["done_before"], 2)


if __name__ == "__main__":
    unittest.main()
