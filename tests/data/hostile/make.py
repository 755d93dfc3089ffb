#!/usr/bin/env python3
"""Makes files that each break one rule of their format, below this folder, and expected.json: the whole message that each must be refused
with ("{}" stands for the path that is given, "{/}" for this folder). Standard library only; the outputs are kept beside this script.

    python3 tests/data/hostile/make.py
"""
import json
import os
import pathlib
import shutil

import delta
import folders
import pytorch
import safetensors

HERE = pathlib.Path(__file__).resolve().parent
expected = {}


def main():
    for module in (safetensors, pytorch, folders, delta):
        name = module.__name__
        shutil.rmtree(HERE / name, ignore_errors=True)
        (HERE / name).mkdir()
        for case, (content, message) in module.cases().items():
            write(HERE / name / case, content)
            expected[f"{name}/{case}"] = message
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


def write(path, content):
    if isinstance(content, dict):  # a folder
        path.mkdir()
        for name, inner in content.items():
            write(path / name, inner)
    elif isinstance(content, str):  # a symbolic link
        os.symlink(content, path)
    else:
        path.write_bytes(content)


if __name__ == "__main__":
    main()
