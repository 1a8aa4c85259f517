"""Paths of strangers are judged by their text, alike on every platform."""

import contextlib
import os
from pathlib import Path

import pytest

from helpers.touched import touched
from impasto.runtime.strangers_paths import is_file_here, is_network_name, leads_elsewhere

HERE = [
    "a.png",
    "photos/a b.png",
    "wave",
    "a..b.png",
    "...a",
    "console.png",
    "aux-1.png",
    "x/.y.png",
]
NETWORK = [
    r"\\server\share\a.png",
    "//server/share/a.png",
    r"\\?\UNC\server\share\a.png",
    r"\/server/share/a.png",
    r"\\.\pipe\a",
]
ELSEWHERE = [
    *NETWORK,
    "/etc/passwd",
    r"\a.png",
    "C:/a.png",
    "c:a.png",
    "../a.png",
    r"photos\..\..\a.png",
    "photos/.. /a.png",
    "..",
    "NUL",
    "photos/con.png",
    "com1",
    "LPT1:",
]


@pytest.mark.parametrize("name", HERE)
def test_names_below_the_folder(name):
    assert not leads_elsewhere(name)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_names_elsewhere(name):
    assert leads_elsewhere(name)
    assert is_network_name(name) == (name in NETWORK)


def test_only_files_here_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(b"x")
    assert is_file_here("a.png")
    assert not is_file_here("b.png")
    assert not is_file_here(str(tmp_path / "a.png"))
    with touched() as names:
        assert not any(map(is_file_here, ELSEWHERE))
    assert not names


def test_what_is_touched_is_seen(tmp_path):
    """The helper that the others rely on."""
    for look in (
        os.path.isfile, os.path.exists, os.path.lexists, os.path.realpath, os.listdir,
        lambda name: Path(name).exists(), lambda name: Path(name).read_bytes(), open,
    ):  # fmt: skip
        with touched() as names, contextlib.suppress(OSError):
            look("/no/server")
        assert any("server" in name for name in names)
