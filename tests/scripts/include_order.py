#!/usr/bin/env python3
"""Each module includes only those before it in src/CMakeLists.txt, programs are above all, and every public header names its own parts in full.

Usage: include_order.py [ROOT]    prints what breaks the order, one line each, and ends with exit code 1 if anything does.
"""

import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*(?:include|define\s+HWY_TARGET_INCLUDE)\s*[<"]([^>"]+)[>"]')


def module_order(root):
    with open(os.path.join(root, "src", "CMakeLists.txt"), encoding="utf-8") as file:
        return re.findall(r"^add_subdirectory\((\w+)\)", file.read(), re.M)


def sources(folder):
    for here, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith((".hpp", ".cpp", ".h", ".c")):
                yield os.path.join(here, name)


def includes(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            found = INCLUDE.match(line)
            if found:
                yield number, found[1]


def check(root):
    """(problems, includes between modules that were looked at)"""
    order = module_order(root)
    problems, seen = [], 0
    for top in (os.path.join("include", "dare"), "src"):
        for path in sources(os.path.join(root, top)):
            module = os.path.relpath(path, os.path.join(root, top)).split(os.sep)[0]
            where = os.path.relpath(path, root)
            if module not in order:
                problems.append(f"{where}: module {module} has no place in the order of src/CMakeLists.txt")
                continue
            for number, target in includes(path):
                parts = target.split("/")
                public = parts[0] == "dare"
                other = parts[1] if public and len(parts) > 2 else parts[0]
                if other not in order:
                    continue
                seen += 1
                if order.index(other) > order.index(module):
                    problems.append(f"{where}:{number}: {module} includes {target}, but {other} comes after {module}")
                if top != "src" and not public:
                    problems.append(f"{where}:{number}: a public header includes {target}, which is not installed")
                file = os.path.join(root, "include" if public else "src", *parts)
                if not os.path.exists(file):
                    problems.append(f"{where}:{number}: {target}: no such file")
    return problems, seen


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    problems, seen = check(root)
    for problem in problems:
        print(problem)
    if seen < (1 if len(sys.argv) > 1 else 500):
        print(f"only {seen} includes between modules were found")
        return 1
    print(f"{seen} includes, {len(problems)} against the order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
