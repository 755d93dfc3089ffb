"""One table of options a program: what --help, the manual page and the completion list is what the program takes."""

import os
import re
import shutil
import subprocess
import unittest

from dare_system import BIN, run

PROGRAMS = ("dare-merge", "dare-sweep", "dare-convert", "dare-inspect", "dare-verify", "dare-diff", "dare-score")


def said(program, *words):
    done = run(0, program, *words)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{program} {words}: {done.returncode}, {done.stderr}")
    return done.stdout


def options_of_help(program):
    """{option: whether it takes a value}, from lines such as "  --seed S   of all masks"."""
    lines = re.findall(r"^  (?:-\w, )?--([a-z-]+)( [A-Z][A-Z=]*)?(?:  |$)", said(program, "--help"), re.M)
    return {name: bool(value) for name, value in lines}


def options_of_man(program):
    page = said(program, "--man")
    found = re.findall(r"^\.TP\n(?:\\fB\\-\w\\fR, )?\\fB\\-\\-([a-z\\-]+)\\fR( \\fI[A-Z=]+\\fR)?$", page, re.M)
    return {name.replace("\\-", "-"): bool(value) for name, value in found}


def complete(program, *words):
    """What bash offers after these words, the last of which is being typed."""
    script = 'compopt() { :; }; . /dev/stdin; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _%s; printf "%%s\\n" "${COMPREPLY[@]}"' % program.replace("-", "_")
    done = subprocess.run(["bash", "-c", script, "bash", program, *words], input=said(program, "--completion", "bash"), capture_output=True, text=True, timeout=20)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(done.stderr)
    return done.stdout.split()


class Manual(unittest.TestCase):
    maxDiff = None

    def test_help_manual_and_completion_have_the_same_options(self):
        for program in PROGRAMS:
            options = options_of_help(program)
            self.assertGreater(len(options), 3, program)
            self.assertEqual(options_of_man(program), options, program)
            self.assertEqual(sorted(complete(program, "--")), sorted("--" + name for name in options), program)

    def test_the_parser_takes_each_and_no_other(self):
        for program in PROGRAMS:
            words = [f"--{name}=1" if takes_value else f"--{name}" for name, takes_value in options_of_help(program).items() if name != "version"]
            self.assertEqual(said(program, *words), said(program, "--help"), program)  # --help is among them: parsed in full, then answered
            done = run(0, program, "--no-such-option")
            self.assertEqual((done.returncode, done.stderr), (2, f"{program}: unrecognised option '--no-such-option'; see {program} --help\n"))

    def test_every_manual_teaches(self):
        for program in PROGRAMS:
            sections = re.findall(r'^\.SH "(.*)"$', said(program, "--man"), re.M)
            for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
                self.assertIn(title, sections, program)
            text = said(program, "--help")
            for title in ("usage: ", "\nExamples:\n", "\nExit codes:\n"):
                self.assertIn(title, text, program)
            long = [line for line in text.splitlines() if len(line) > 80 and not line.startswith(("  mpirun ", "  dare-"))]
            self.assertEqual(long, [], program)

    def test_see_also_names_programs_that_are_there(self):
        for program in PROGRAMS:
            for other in re.findall(r"^\.BR (\S+) \(1\)", said(program, "--man"), re.M):
                self.assertIn(other.replace("\\-", "-"), PROGRAMS)

    @unittest.skipUnless(shutil.which("groff"), "no groff here")
    def test_the_formatter_has_nothing_to_warn_of(self):
        for program in PROGRAMS:
            done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-z"], input=said(program, "--man"), capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), program)

    def test_values_are_completed(self):
        self.assertEqual(complete("dare-merge", "--rescale", ""), ["none", "expected", "l1"])
        self.assertEqual(complete("dare-merge", "--rescale", "=", "e"), ["expected"])
        self.assertEqual(complete("dare-merge", "recipe.yml", "--progress", "p"), ["plain"])
        self.assertIn("dare_ties", complete("dare-merge", "--method", "dare_"))
        self.assertEqual(complete("dare-merge", "--seed", ""), [])
        self.assertEqual(complete("dare-merge", "--base", ""), [])  # paths are readline's to offer
        self.assertIn("gsm8k", complete("dare-score", "g"))
        for program in ("dare-merge", "dare-convert", "dare-inspect"):
            self.assertEqual(complete(program, "--dtype", "B"), ["BF16"], program)

    def test_every_task_is_told(self):
        tasks = complete("dare-score", "")
        self.assertGreater(len(tasks), 10)
        told = re.search(r"\nTasks and what they give:\n(.*?)\n\n", said("dare-score", "--help"), re.S)[1]
        names = [name for names in re.findall(r"^  (\S+(?:, \S+)*)(?:  |$)", told, re.M) for name in names.split(", ")]
        self.assertEqual(sorted(names), sorted(tasks))

    def test_whole_numbers_have_no_sign(self):
        for program, option in (("dare-verify", "--sample"), ("dare-verify", "--show"), ("dare-convert", "--seed"), ("dare-merge", "--stream")):
            done = run(0, program, f"{option}=-1")
            self.assertEqual((done.returncode, done.stderr),
                             (2, f'{program}: {option}: expected a whole number from 0 to 18446744073709551615, found "-1"; see {program} --help\n'))

    def test_words_that_are_completed_are_known(self):
        known = re.compile(r"merge method|expected |one of")
        for option, words in (("--rescale", ("none", "expected", "l1")), ("--missing", ("error", "base", "skip"))):
            for word in words:
                done = run(0, "dare-merge", option, word, "--base", "b", "--model", "m", "--drop-rate", "0.5", "out.h5")
                self.assertNotRegex(done.stderr, rf"{option}: expected", word)
            done = run(0, "dare-merge", option, "no-such-word", "--base", "b", "--model", "m", "--drop-rate", "0.5", "out.h5")
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, known)

    def test_version_names_libraries_without_mpi(self):
        for program in PROGRAMS:
            lines = said(program, "--version").splitlines()
            self.assertRegex(lines[0], rf"^{program} \d+\.\d+\.\d+$")
            self.assertEqual([line.split("  ")[1].strip() for line in lines[1:]],
                             ["MPI", "HDF5", "Boost", "Highway", "xxHash", "yaml-cpp", "nlohmann-json", "fmt", "libzip", "Eigen", "SIMD in use"])
            for line in lines[2:-1]:
                self.assertRegex(line, r"\s\d+\.\d+")

    def test_another_shell_is_refused(self):
        done = run(0, "dare-merge", "--completion", "csh")
        self.assertEqual((done.returncode, done.stderr), (2, "dare-merge: --completion csh: give bash; see dare-merge --help\n"))

    def test_all_programs_are_here(self):
        installed = {name for name in os.listdir(BIN) if name.startswith("dare-") and os.access(os.path.join(BIN, name), os.X_OK)}
        self.assertEqual(installed, set(PROGRAMS))


if __name__ == "__main__":
    unittest.main()
