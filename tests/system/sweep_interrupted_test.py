"""outputs: statistics, interrupted: what was measured is not measured again, and the numbers are those of a run that nothing stopped."""

import glob
import json
import math
import os
import random
import shutil
import subprocess
import unittest

from dare_sweep import SweepTest, made
from dare_system import BLOCK, FAULTS, contents, own_words, random_model, with_fault, write_safetensors

RECORD = 16 + 16 * 88  # a hash, then what 16 runs of 65,536 elements have
SURVEY_RECORD = 16 + 8 + 16 * 40 + 16 + 16 * 8  # a hash, counts, 16 models' cuts and factors, sce's cut, 16 coefficients
TILE = 1 << 15


class Interrupted(SweepTest):
    shapes = {"embed": [300, 32], "up": [6200, 1024], "norm": [32], "empty": [0, 4], "down": [1100, 1024], "scalar": []}
    text = SweepTest.recipe + "outputs: statistics\ngrid: {drop_rate: [0.1, 0.5, 0.9], seed: [1, 2]}\n"
    ties = SweepTest.recipe + ("outputs: statistics\ngrid: {drop_rate: [0.5, 0.9]}\n"
                               "points: {ties: {merge_method: dare_ties, drop_rate: 0.25}, kin: {merge_method: breadcrumbs, density: 0.5, gamma: 0.1}}\n")

    def setUp(self):
        super().setUp()
        self.make_family()
        # Elements before each tensor's end, and the elements of each block.
        self.blocks = []
        for shape in self.shapes.values():
            elements = math.prod(shape)
            self.blocks += [min(BLOCK, elements - first) for first in range(0, elements, BLOCK)]
        self.all_bytes = 3 * 2 * sum(self.blocks)

    def interrupted(self, np, text, fault, *more, output="swept", path="m1", code=75, **env):
        """A run that does not end: by product, the blocks that its journal has."""
        process = self.sweep(np, text, *more, output=output, **{**with_fault(fault, path), **env})
        self.assertEqual(process.returncode, code, process.stderr)
        if code == 75:
            self.assertRegex(own_words(process, "dare-sweep")[-1],
                             r"^dare-sweep: stopped by signal 15 \(SIGTERM\); 0 of \d+ points are done, the same command again does the rest$")
        return self.noted(output)

    def noted(self, output="swept"):
        found = {}
        for name in glob.glob(glob.escape(self.path(output, "points")) + "/*.sums"):
            with open(name, "rb") as file:
                data = file.read()
            records = data[len(data) - RECORD * len(self.blocks):]
            found[os.path.basename(name)[:-5]] = {b for b in range(len(self.blocks)) if any(records[b * RECORD:b * RECORD + 16])}
        return found

    def surveyed(self, output="swept"):
        """By product, the places of the tensors whose statistics its journal has."""
        found = {}
        for name in glob.glob(glob.escape(self.path(output, "points")) + "/*.passes"):
            with open(name, "rb") as file:
                data = file.read()
            records = data[len(data) - SURVEY_RECORD * len(self.shapes):]
            found[os.path.basename(name)[:-7]] = {t for t in range(len(self.shapes)) if any(records[t * SURVEY_RECORD:t * SURVEY_RECORD + 16])}
        return found

    def tamper(self, blocks):
        """Other weights in some blocks of a model whose size and time stay: whoever reads them gets other numbers."""
        place = self.path("m1.safetensors")
        times = os.stat(place)
        at = os.path.getsize(place) - 2 * sum(self.blocks)
        with open(place, "r+b") as file:
            for number, elements in enumerate(self.blocks):
                if number in blocks:
                    file.seek(at)
                    file.write(b"\x80\x3f" * elements)
                at += 2 * elements
        os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))

    def bytes_of(self, blocks):
        return 3 * 2 * sum(self.blocks[b] for b in blocks)

    def assert_goes_on(self, np, text, noted, expected, *more, output="swept"):
        """The rest is measured, and nothing else: of the blocks that all points have, other bytes are there now."""
        of_all = set.intersection(*noted.values())
        self.tamper(of_all)
        summary = self.swept(np, text, *more, output=output)
        self.assertEqual(summary["bytes_read"], self.all_bytes - self.bytes_of(of_all))
        self.assert_same(made(self.path(output)), expected, f"{np} ranks after {noted}")
        self.assertEqual((self.noted(output), self.surveyed(output)), ({}, {}))

    def test_what_was_measured_is_not_read_again_whatever_the_ranks_are(self):
        self.swept(0, self.text, output="expected")
        expected = made(self.path("expected"))
        original = contents(self.path("m1.safetensors"))[""]
        times = os.stat(self.path("m1.safetensors"))
        generator = random.Random(20261127)
        for first, second in ((1, 1), (1, 3), (2, 1), (2, 3), (3, 2), (3, 1)):
            # A rank has a share of some 228 / first tiles, and its first block behind it by then.
            at = generator.randrange(BLOCK // TILE + 8, 200 // first)
            rank = generator.randrange(first)
            with self.subTest(first=first, second=second, at=at, rank=rank):
                noted = self.interrupted(first, self.text, f"pread:{at}:TERM:{rank}")
                self.assertEqual(len(noted), 6)
                self.assertEqual(len({frozenset(blocks) for blocks in noted.values()}), 1)
                self.assertTrue(0 < len(noted["drop_rate=0.1,seed=1"]) < len(self.blocks))
                self.assert_goes_on(second, self.text, noted, expected)
                shutil.rmtree(self.path("swept"))
                with open(self.path("m1.safetensors"), "wb") as file:
                    file.write(original)
                os.utime(self.path("m1.safetensors"), ns=(times.st_atime_ns, times.st_mtime_ns))

    def test_interrupted_again_and_again_it_comes_to_an_end(self):
        self.swept(0, self.text, output="expected")
        expected = made(self.path("expected"))
        before = -1
        for number in range(20):
            process = self.sweep(1 + number % 3, self.text, **with_fault("pread:45:TERM:0", "m1"))
            if process.returncode == 0:
                break
            self.assertEqual(process.returncode, 75, process.stderr)
            done = len(self.noted()["drop_rate=0.1,seed=1"])
            self.assertGreater(done, before)
            before = done
        self.assertTrue(1 < number < 19, number)
        self.assert_same(made(self.path("swept")), expected, "in the end")

    def test_killed_it_has_lost_little(self):
        self.swept(0, self.text, output="expected")
        # Slow reads: ten seconds go by after which sums are noted, then comes the end for one rank, and so for all.
        noted = self.interrupted(2, self.text, "pread:80:KILL:1", code=137, DARE_FAULT_SLOW=170)
        self.assertGreater(len(set.intersection(*noted.values())), 1)
        self.assert_goes_on(3, self.text, noted, made(self.path("expected")))

    def test_of_damaged_records_the_blocks_are_measured_again(self):
        self.swept(0, self.text, output="expected")
        noted = self.interrupted(0, self.text, "pread:100:TERM")
        names = sorted(noted)
        blocks = sorted(noted[names[0]])
        self.assertGreater(len(blocks), 3)

        def damage(name, write):
            with open(self.path("swept", "points", name + ".sums"), "r+b") as file:
                write(file, os.path.getsize(file.name) - RECORD * len(self.blocks))
        damage(names[0], lambda file, at: (file.seek(at + blocks[1] * RECORD + 700), file.write(b"\x55")))  # within the sums of one block
        damage(names[1], lambda file, at: (file.seek(at + blocks[2] * RECORD + 512), file.write(bytes(RECORD - 512))))  # torn: its end is lost
        damage(names[2], lambda file, at: file.truncate(at + blocks[3] * RECORD))  # of another length: no journal
        damage(names[3], lambda file, at: (file.seek(50), file.write(b"\x55")))    # its head: no journal
        summary = self.swept(2, self.text, "--log-level", "info")
        self.assertEqual(summary["bytes_read"], self.all_bytes)
        self.assert_same(made(self.path("swept")), made(self.path("expected")), "after damage")
        # Alone, a record costs its block.
        shutil.rmtree(self.path("swept"))
        noted = self.interrupted(0, self.text, "pread:100:TERM")
        damage(names[0], lambda file, at: (file.seek(at + blocks[1] * RECORD + 700), file.write(b"\x55")))
        noted[names[0]].discard(blocks[1])
        self.assert_goes_on(3, self.text, noted, made(self.path("expected")))

    def test_methods_with_passes_of_their_own_and_other_passes(self):
        self.swept(0, self.ties, output="expected")
        # Reads of a rank that come after those passes.
        for first, at, second, more in ((1, 600, 2, []), (3, 195, 2, ["--groups", "2"]), (2, 300, 3, ["--memory-per-rank", "4MiB"])):
            with self.subTest(first=first, second=second, more=more):
                noted = self.interrupted(first, self.ties, f"pread:{at}:TERM:0")
                self.assertEqual(len(noted), 4)
                summary = self.swept(second, self.ties, *more)
                if not more:
                    self.assertEqual(summary["bytes_read"], self.all_bytes - self.bytes_of(noted["ties"]))
                self.assert_same(made(self.path("swept")), made(self.path("expected")), str(more))
                shutil.rmtree(self.path("swept"))

    def test_what_the_passes_before_have_found_is_not_looked_for_again(self):
        self.swept(0, self.ties, output="expected")
        expected = made(self.path("expected"))
        # Reads of m1 by one rank: some 228 tiles in each of two passes, and once more.
        self.interrupted(1, self.ties, "pread:550:TERM")
        self.assertEqual(self.surveyed(), {"kin": {0, 1, 2, 4, 5}})
        self.swept(0, self.ties, **with_fault("pread:200:EIO", "m1"))
        self.assert_same(made(self.path("swept")), expected, "after the passes")
        shutil.rmtree(self.path("swept"))
        # Amid the passes, at several memories and ranks.
        for second, damage in ((1, False), (3, False), (2, True)):
            with self.subTest(second=second, damage=damage):
                noted = self.interrupted(1, self.ties, "pread:430:TERM", "--memory-per-rank", "32MiB")
                self.assertEqual((noted, self.surveyed()), ({}, {"kin": {0, 1, 2}}))
                if damage:
                    with open(self.path("swept", "points", "kin.passes"), "r+b") as file:
                        file.seek(os.path.getsize(file.name) - SURVEY_RECORD * (len(self.shapes) - 1) + 30)
                        file.write(b"\x55")
                self.assertIn("  begun        ", self.sweep(0, self.ties, "--plan").stdout)
                self.swept(second, self.ties, **with_fault(f"pread:{10000 if damage else 400}:EIO", "m1"))
                self.assert_same(made(self.path("swept")), expected, "amid the passes")
                self.assertEqual(self.surveyed(), {})
                shutil.rmtree(self.path("swept"))
        # Of other inputs.
        self.interrupted(1, self.ties, "pread:550:TERM")
        write_safetensors(self.path("m1.safetensors"), random_model(self.shapes, "trained again"), {"format": "pt"})
        self.swept(2, self.ties)
        self.swept(0, self.ties, output="fresh")
        self.assert_same(made(self.path("swept")), made(self.path("fresh")), "of other inputs")

    def test_a_point_that_is_added_costs_the_others_nothing(self):
        self.swept(0, self.text, output="expected")
        expected = made(self.path("expected"))
        noted = self.interrupted(3, self.text, "pread:20:TERM:1")
        self.tamper(set.intersection(*noted.values()))  # what the new point reads
        summary = self.swept(2, self.text.replace("0.9]", "0.9, 0.95]"))
        self.assertEqual((summary["done"], summary["passes"], summary["bytes_read"]), (8, 1, self.all_bytes))
        after = made(self.path("swept"))
        for name in expected:
            if name.startswith("points/"):
                self.assertTrue(after[name] == expected[name], name)

    def test_what_no_longer_holds_is_not_taken(self):
        text = self.recipe + "outputs: statistics\npoints: {p: {drop_rate: 0.5}, q: {drop_rate: 0.25}}\n"
        other = text.replace("drop_rate: 0.5", "drop_rate: 0.75")
        for change in ("recipe", "input", "restart"):
            with self.subTest(change=change):
                self.make_family()
                noted = self.interrupted(2, text, "pread:20:TERM:0")
                self.assertGreater(len(noted["p"]), 0)
                if change == "input":
                    write_safetensors(self.path("m1.safetensors"), random_model(self.shapes, "trained again"), {"format": "pt"})
                now, more = (other if change == "recipe" else text), (["--restart"] if change == "restart" else [])
                self.assertEqual(self.swept(0, now, *more)["bytes_read"], self.all_bytes)
                self.swept(2, now, output="fresh")
                self.assert_same(made(self.path("swept")), made(self.path("fresh")), change)
                shutil.rmtree(self.path("swept"))
                shutil.rmtree(self.path("fresh"))

    def test_the_plan_tells_what_is_used_of_what_is_there(self):
        noted = self.interrupted(1, self.text, "pread:100:TERM")
        self.assertEqual(len(noted), 6)
        plan = lambda *more: json.loads(self.sweep(0, self.text, "--plan", "--json", *more).stdout)
        begun = plan()
        self.assertGreater(begun["bytes_begun"], 0)
        self.assertEqual(begun["bytes_discarded"], 0)
        lost = plan("--restart")
        self.assertEqual((lost["bytes_begun"], lost["bytes_discarded"]), (0, begun["bytes_begun"]))
        os.utime(self.path("m0.safetensors"), ns=(0, 1_700_000_000_000_000_000))
        lost = plan()
        self.assertEqual((lost["bytes_begun"], lost["bytes_discarded"]), (0, begun["bytes_begun"]))
        self.assertIn(" there by interrupted runs that this one cannot go on from; they go when it begins\n", self.sweep(0, self.text, "--plan").stdout)

    def test_an_interrupted_run_says_what_is_kept(self):
        self.shapes = {"up": [6200, 1024]}
        self.make_family()
        for text, path in ((self.text, "m1"), (self.text.replace("outputs: statistics\n", ""), "m1")):
            with self.subTest(text=text):
                process = self.sweep(1, text, **with_fault("pread:12:TERM", path))
                self.assertEqual(process.returncode, 75, process.stderr)
                self.assertIn("nothing is kept of a pass under way: the same command again does it as a whole\n", process.stdout)
                for more, words in (([], ""), (["--restart"], " without --restart")):
                    process = self.sweep(1, text, *more, **with_fault("pread:100:TERM", path))
                    self.assertEqual(process.returncode, 75, process.stderr)
                    self.assertIn("\na pass under way is not counted: what it has finished of 6 points is kept, the same command again"
                                  f"{words} goes on after that\n", process.stdout)
                shutil.rmtree(self.path("swept"))

    def test_passes_before_show_how_far_they_are(self):
        process = self.sweep(2, self.ties, "--progress", "bar", DARE_FAULT_SLOW=20, **with_fault("pread:1000000:EIO", "m1"))
        self.assertEqual(process.returncode, 0, process.stderr)
        shares = [int(line.split("before the merge:")[1].split("%")[0]) for line in process.stderr.splitlines() if "before the merge:" in line]
        self.assertGreater(len(shares), 3)
        self.assertEqual(shares, sorted(shares))
        self.assertGreater(shares[-1], 50)
        self.assertLessEqual(shares[-1], 100)

    def test_its_room_is_counted(self):
        need = 6 * (4096 + RECORD * len(self.blocks))
        process = self.sweep(0, self.text, "--plan")
        self.assertIn("  at once      ", process.stdout)
        self.assertIn(f"({need} bytes)", process.stdout)
        self.assertEqual(self.swept(0, self.text, LD_PRELOAD=FAULTS, DARE_FAULT_FREE=need)["passes"], 1)
        shutil.rmtree(self.path("swept"))
        # Less room: more passes. None: refused.
        self.assertEqual(self.swept(0, self.text, LD_PRELOAD=FAULTS, DARE_FAULT_FREE=need - 1)["passes"], 2)
        process = self.sweep(0, self.text, output="none", LD_PRELOAD=FAULTS, DARE_FAULT_FREE=1000)
        self.assertEqual(process.returncode, 3, process.stderr)
        self.assertRegex(own_words(process, "dare-sweep")[0], r"none: needs .* for the sums of unfinished passes that are there at once, 1.00 kB are free; "
                                                              "make room, or name a folder elsewhere$")
        self.interrupted(0, self.text, "pread:100:TERM", output="begun")
        self.assertIn(" there by interrupted runs; what of it is finished is not made again\n", self.sweep(0, self.text, "--plan", output="begun").stdout)

    def test_leftovers_of_points_that_are_done_go(self):
        self.swept(0, self.text)
        expected = made(self.path("swept"))
        self.write("swept/points/drop_rate=0.5,seed=1.sums", "x")
        self.assertEqual(self.swept(0, self.text)["done_before"], 6)
        self.assert_same(made(self.path("swept")), expected, "after all")


if __name__ == "__main__":
    unittest.main()
