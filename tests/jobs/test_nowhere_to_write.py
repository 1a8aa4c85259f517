"""Full disks, vanished folders: the best so far is kept elsewhere, with one sentence."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from helpers.paint_commands import call_after_step, furnish, paint, pixels_of
from helpers.small_disks import small_disk
from impasto import images


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to be in: a photograph, a painting and a tiny encoder."""
    folder = furnish(tmp_path / "work")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(folder))
    return folder


def test_on_a_full_disk_the_picture_is_kept_elsewhere(place, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("impasto.cli.shared.run_to_file.CHECKPOINT_SECONDS", 0.0)
    assert paint("whole.png") == 0
    with small_disk(tmp_path / "disk", 2000) as disk:
        gone = disk / "filler"

        def fill():
            with contextlib.suppress(OSError), gone.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1000))

        with monkeypatch.context() as patch:
            call_after_step(patch, 8, fill)
            assert paint(disk / "out.png") == 2
        told = capsys.readouterr().err.splitlines()
        assert told[-1] == (
            f"impasto: {disk / 'out.png'} could not be written (No space left on device): the "
            f"picture is saved as {place / 'out.png'} instead. --resume writes it again."
        )
        assert len(told) == 2  # and that of the checkpoints, once
        assert pixels_of("out.png") == pixels_of("whole.png")
        assert not (disk / "out.png").exists()
        assert (disk / "out.png.checkpoint").exists()
        gone.unlink()
        assert paint(disk / "out.png", "--resume") == 0
        assert pixels_of(disk / "out.png") == pixels_of("whole.png")
        assert sorted(path.name for path in disk.iterdir()) == ["out.png"]


def test_a_picture_that_cannot_be_written_is_kept_elsewhere(
    place, tmp_path, temporary, capsys, monkeypatch
):
    """Neither next to its place nor in the working folder."""
    save, full = Image.Image.save, {tmp_path / "out", place}

    def fails(image, where, *rest, **options):
        if Path(where).parent in full:
            raise OSError(28, "No space left on device")
        return save(image, where, *rest, **options)

    monkeypatch.setattr(Image.Image, "save", fails)
    output = tmp_path / "out" / "out.png"
    assert paint(output, "--log", "log.csv") == 2
    assert capsys.readouterr().err == (
        f"impasto: {output} could not be written (No space left on device): the picture is saved "
        f"as {temporary / 'out.png'} instead. --resume writes it again.\n"
    )
    assert images.read(temporary / "out.png").size == (48, 64)
    assert (place / "log.csv").exists()
    assert output.with_name("out.png.checkpoint").exists()


def test_a_target_that_becomes_unwritable_is_one_sentence(place, tmp_path, monkeypatch, capsys):
    """Not by chmod, which does not stop the superuser that tests often run as."""
    out = tmp_path / "out"
    out.mkdir()

    def become_a_file():
        shutil.rmtree(out)
        out.write_text("")

    call_after_step(monkeypatch, 3, become_a_file)
    assert paint(out / "out.png") == 2
    assert capsys.readouterr().err == (
        f"impasto: {out / 'out.png'} cannot be written because {out} is a file: the picture is "
        f"saved as {place / 'out.png'} instead.\n"
    )
    assert images.read("out.png").size == (48, 64)


def test_a_folder_that_vanishes_is_made_again(place, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    call_after_step(monkeypatch, 3, lambda: shutil.rmtree(out))
    assert paint(out / "out.png") == 0
    assert [path.name for path in out.iterdir()] == ["out.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="the working folder cannot be removed")
def test_the_working_folder_may_vanish(place, monkeypatch):
    call_after_step(monkeypatch, 3, lambda: shutil.rmtree(place))
    more = ["--log", "log.csv", "--snapshots", "2", "--snapshots-to", "growth.gif"]
    assert paint("out.png", *more, "--report", "page.html") == 0
    names = ["growth.gif", "log.csv", "out.png", "page.html"]
    assert sorted(path.name for path in place.iterdir()) == names


@pytest.mark.skipif(sys.platform == "win32", reason="the working folder cannot be removed")
def test_without_a_working_folder_is_one_sentence(place, capsys):
    shutil.rmtree(place)
    assert paint("out.png") == 2
    assert "relative to the working folder, which does not exist" in capsys.readouterr().err
