"""The architecture page names what there is: the floors, files and functions."""

from __future__ import annotations

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

import impasto

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
SOURCE = Path(impasto.__file__).parent

STEPS = re.findall(r"^\| \d+ \| `([\w/]+)\.py` \| `([\w.]+)` \|", PAGE, re.MULTILINE)


def test_floors_are_those_of_the_docstring():
    floor = re.compile(r"^ *(\d+ +\w+: .+)$", re.MULTILINE)
    (block,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert block.splitlines() == floor.findall(impasto.__doc__ or "")


@pytest.mark.parametrize(("module", "name"), STEPS)
def test_each_step_exists(module, name):
    home = importlib.import_module(f"impasto.{module.replace('/', '.')}")
    assert reduce(getattr, name.split("."), home) is not None


def test_both_paths_are_numbered():
    numbers = [int(n) for n in re.findall(r"^\| (\d+) \| `", PAGE, re.MULTILINE)]
    second = numbers.index(1, 1)
    assert numbers == [*range(1, second + 1), *range(1, len(numbers) - second + 1)]
    assert len(STEPS) == len(numbers) > 20


def test_files_exist():
    files = re.findall(r"`((?:\w+/)*\w+\.py)`", PAGE)
    known = [SOURCE, SOURCE.parents[1]]
    assert [file for file in files if not any((root / file).is_file() for root in known)] == []
    assert len(files) > 30
