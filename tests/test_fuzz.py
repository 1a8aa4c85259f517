"""A short run of the fuzzing script, over all kinds of files, and what counts as a fault."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from impasto.errors import ImageError

SCRIPTS = Path(__file__).parents[1] / "benchmarks"

SECONDS = 2.0
"""For each kind."""


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module("fuzz")
    finally:
        sys.path.remove(str(SCRIPTS))


KINDS = ("pictures", "masks", "models", "recipes", "metadata", "checkpoints")


def test_every_kind_is_here(fuzz):
    assert tuple(fuzz.KINDS) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused_in_a_sentence(fuzz, kind, tmp_path):
    fuzzer = fuzz.Fuzzer(kind, tmp_path)
    cases = list(fuzzer.faults(0, SECONDS))
    assert [(str(path), fault) for _, path, fault in cases if fault] == []
    assert cases


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_as_they_are_pass_and_every_number_is_one_case(fuzz, kind, tmp_path):
    fuzzer = fuzz.Fuzzer(kind, tmp_path)
    number = len(fuzzer.names) + 3
    first = fuzzer.case(number).read_bytes()
    assert fuzzer.case(number).read_bytes() == first
    assert fuzzer.fault(fuzzer.case(0)) == ""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("raw"), "ValueError: raw"),
        (ImageError("no"), "a message of 2 characters"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_what_is_no_sentence_is_a_fault(fuzz, error, told, tmp_path):
    def door(path: Path) -> None:
        def fail() -> None:
            raise error

        fuzz._each(fail)

    fuzzer = fuzz.Fuzzer("recipes", tmp_path)
    fuzzer.door = door
    assert told in fuzzer.fault(fuzzer.case(0))


def test_time_and_memory_are_bounded(fuzz, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "LONGEST_SECONDS", 0.01)
    fuzzer = fuzz.Fuzzer("recipes", tmp_path)
    fuzzer.door = lambda path: sum(range(3_000_000))
    assert "it took" in fuzzer.fault(fuzzer.case(0))
    monkeypatch.setattr(fuzz, "LONGEST_SECONDS", 100)
    monkeypatch.setattr(fuzz, "MOST_BYTES", -1.0)
    assert "MB of memory" in fuzzer.fault(fuzzer.case(0))
