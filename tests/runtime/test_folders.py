"""Folders are written whole or not at all, and nothing of others is replaced."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from impasto.errors import ImpastoError, OptionError
from impasto.runtime.folders import atomic_folder, check_new_folder
from impasto.runtime.processes import machine_id


def check(path, *, overwrite=False, own=True):
    return check_new_folder(path, overwrite=overwrite, is_own=lambda _: own, error=ImpastoError)


def fill(path, text):
    with atomic_folder(path) as new:
        assert new.parent == path.parent
        (new / "a.txt").write_text(text)


def fill_half(path, error):
    with atomic_folder(path) as new:
        (new / "a.txt").write_text("half")
        raise error


def test_a_folder_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "out"
    with atomic_folder(target) as new:
        (new / "a.txt").write_text("one")
        assert not target.exists()
    assert os.listdir(target.parent) == ["out"]
    assert (target / "a.txt").read_text() == "one"


def test_an_older_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old.txt").write_text("old")
    fill(target, "new")
    assert os.listdir(target) == ["a.txt"]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no")])
def test_after_a_failure_the_older_one_is_as_it_was(tmp_path, error):
    target = tmp_path / "out"
    fill(target, "old")
    with pytest.raises(type(error)):
        fill_half(target, error)
    assert os.listdir(tmp_path) == ["out"]
    assert (target / "a.txt").read_text() == "old"


def test_a_full_disk_is_one_sentence(tmp_path):
    with (
        pytest.raises(ImpastoError, match=r"out could not be written \(No space left on device\)"),
        atomic_folder(tmp_path / "out"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert os.listdir(tmp_path) == []


def test_if_the_new_one_cannot_take_its_place_the_older_one_does(tmp_path, monkeypatch):
    target, rename = tmp_path / "out", os.rename
    fill(target, "old")
    calls = []

    def second_fails(source, to):
        calls.append(to)
        if len(calls) == 2:
            raise OSError(errno.EIO, "broken")
        rename(source, to)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(ImpastoError, match="could not be written"):
        fill(target, "new")
    assert (target / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f".impasto-folder-{machine_id()}-{ended.pid}-0123abcd"
    running = tmp_path / f".impasto-folder-{machine_id()}-{os.getppid()}-0123abcd"
    elsewhere = tmp_path / f".impasto-folder-00000000-{ended.pid}-0123abcd"
    for folder in (left, running, elsewhere):
        folder.mkdir()
        (folder / "half.txt").write_text("half")
    fill(tmp_path / "out", "new")
    assert set(tmp_path.iterdir()) == {running, elsewhere, tmp_path / "out"}


def test_new_and_empty_folders_are_allowed(tmp_path):
    assert check(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert check(tmp_path, own=False) == tmp_path
    assert os.listdir(tmp_path) == []


def test_folders_with_something_in_them_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(OptionError, match="holds other files already: name a new folder"):
        check(tmp_path, overwrite=True, own=False)
    with pytest.raises(OptionError, match=r"exists already: .* overwrite"):
        check(tmp_path)
    assert check(tmp_path, overwrite=True) == tmp_path
    with pytest.raises(OptionError, match=r"a\.txt is a file: name a folder"):
        check(tmp_path / "a.txt")
    with pytest.raises(ImpastoError, match=r"a\.txt is a file"):
        check(tmp_path / "a.txt" / "out")
