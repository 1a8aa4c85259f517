"""Output streams that never stop the work, and escape what a terminal would obey."""

from __future__ import annotations

import io
import sys

import pytest

from impasto.errors import OptionError, printable
from impasto.runtime.terminal import console, safe_output

HOSTILE = "a\x1b]0;owned\x07\x9b2J\r\u202eb"


class Broken(io.StringIO):
    """A stream whose disk is full."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve 絵 🎨\u00a0x\u202fy", "naïve 絵 🎨\u00a0x\u202fy"),
        (HOSTILE, r"a\x1b]0;owned\x07\x9b2J\r\u202eb"),
        ("caf\udce9.png", r"caf\udce9.png"),
        ("two\nlines", r"two\nlines"),
    ],
)
def test_letters_and_spaces_stay_and_the_rest_is_escaped(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown


def test_everything_printed_is_escaped(capsys):
    with safe_output():
        print(HOSTILE, "second\tline", sep="\n")
        print(HOSTILE, file=sys.stderr)
        raised = [c for c in capsys.readouterr() if "\x1b" in c or "\x9b" in c or "\r" in c]
    assert raised == []


def test_errors_are_one_printable_line():
    error = OptionError(f"{HOSTILE}\n is no name.")
    assert str(error) == rf"{printable(HOSTILE)}\n is no name."


def test_long_numbers_and_texts_in_errors_are_cut():
    assert str(OptionError(f"seed is {'7' * 400}.")) == "seed is 777777777777… (400 digits)."
    assert len(str(OptionError("no " * 10**6))) < 20_000
    assert str(OptionError(f"{'7' * 39}.")) == f"{'7' * 39}."


def test_a_full_disk_or_closed_stream_is_no_error(monkeypatch):
    broken = Broken()
    monkeypatch.setattr(sys, "stdout", broken)
    monkeypatch.setattr(sys, "stderr", None)
    with safe_output():
        for _ in range(3):
            print("lost", flush=True)
            print("lost too", file=sys.stderr, flush=True)
        console().print("[red]lost")
        assert broken.writes == 1
        assert sys.stdout.failure.errno == 28
        assert sys.stderr.failure is not None
    assert sys.stdout is broken
    assert sys.stderr is None


def test_bars_and_tables_share_the_failure(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Broken())
    with safe_output():
        console().print("lost")
        assert sys.stdout.failure is not None


def test_characters_that_an_encoding_lacks_are_escaped(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    with safe_output():
        print("絵")
    stream.flush()
    assert stream.buffer.getvalue() == rb"\u7d75" + b"\n"
