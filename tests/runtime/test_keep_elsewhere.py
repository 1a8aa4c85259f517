"""What cannot be written to its place is kept in another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from helpers.full_disk import files_of_at_most, needs_limits
from helpers.sentences import sentence
from impasto.errors import ImageError, ImpastoError
from impasto.runtime.files import absolute, atomic_write, shown, write_or_keep_elsewhere


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder for the output, the working folder and the one for temporary files."""
    for name in ("out", "work", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    return tmp_path


class Writer:
    """Writes everywhere but in some folders, and anything but one file."""

    def __init__(self, *full: Path) -> None:
        self.full = full

    def __call__(self, path: Path) -> None:
        with atomic_write(path, error=ImageError) as temporary:
            if any(place in (path, path.parent) for place in self.full):
                raise OSError(28, "No space left on device")
            temporary.write_text("picture")


def test_its_place_comes_first(places):
    path = places / "out" / "a.png"
    written = write_or_keep_elsewhere(path, Writer())
    assert written == (path, None)
    written.check("the picture")


@pytest.mark.parametrize(
    ("full", "kept"),
    [
        (["out/a.png"], "out/a-2.png"),
        (["out"], "work/a.png"),
        (["out", "work"], "temporary/a.png"),
    ],
)
def test_the_nearest_other_place_is_told(full, kept, places):
    path = places / "out" / "a.png"
    written = write_or_keep_elsewhere(path, Writer(*(places / name for name in full)))
    assert written.place == places / kept
    assert written.place.read_text() == "picture"
    assert not path.exists()
    assert sentence(ImageError, lambda: written.check("the picture")) == (
        f"{path} could not be written (No space left on device): the picture is saved as "
        f"{places / kept} instead."
    )


def test_no_file_is_replaced_there(places):
    (places / "work" / "a.png").write_text("mine")
    written = write_or_keep_elsewhere(places / "out" / "a.png", Writer(places / "out"))
    assert written.place == places / "work" / "a-2.png"
    assert (places / "work" / "a.png").read_text() == "mine"


def test_the_first_problem_is_told_if_there_is_no_place(places):
    full = Writer(*(places / name for name in ("out", "work", "temporary")))
    path = places / "out" / "a.png"
    said = sentence(ImpastoError, lambda: write_or_keep_elsewhere(path, full))
    assert said.startswith(f"{path} could not be written (No space left on device): free")


def test_the_working_folder_may_be_gone(places):
    os.rmdir(places / "work")
    written = write_or_keep_elsewhere(places / "out" / "a.png", Writer(places / "out"))
    assert written.place == places / "temporary" / "a.png"


def test_relative_paths_need_a_working_folder(places):
    path = absolute("a.png")
    assert path == places / "work" / "a.png"
    assert shown(path) == Path("a.png")
    os.rmdir(places / "work")
    assert absolute(path) == shown(path) == path
    said = sentence(ImageError, lambda: absolute("a.png", error=ImageError))
    assert said == (
        "a.png is relative to the working folder, which does not exist any more: "
        "change to another folder."
    )


@needs_limits
def test_a_disk_that_is_full_is_an_error_of_the_system(tmp_path):
    def write() -> None:
        with atomic_write(tmp_path / "a.bin") as temporary:
            temporary.write_bytes(bytes(2000))

    with files_of_at_most(1000):
        assert "could not be written (File too large)" in sentence(ImpastoError, write)
    assert list(tmp_path.iterdir()) == []
