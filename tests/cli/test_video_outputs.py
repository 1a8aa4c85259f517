"""``impasto video``: outputs that are in use, have odd names, or cannot be written."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from helpers.clips import frame_times, make_clip
from helpers.painted_clips import request_for, start
from helpers.small_disks import small_disk
from impasto.cli.main import run
from impasto.jobs.events import Progress


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 4, size=(32, 48))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def video(clip, output, *words):
    words = ("--style", "great-wave", "--device", "cpu", *words)
    return run(["video", str(clip), "-o", str(output), *words])


def test_a_second_run_into_one_output_leaves_the_first_alone(clip, tmp_path, capsys):
    running = start(request_for(clip), tmp_path / "out.mp4")
    with running:
        events = iter(running)
        next(event for event in events if isinstance(event, Progress))
        assert video(clip, "out.mp4") == 2
        told = capsys.readouterr().err
        assert f"is in use by process {os.getpid()}: wait for it, or name another output." in told
        for _ in events:
            pass
    assert running.result.frames == 4
    assert os.listdir() == ["out.mp4"]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("concat:x.mp4", "concat:y.mp4"),
        ("a:b.mp4", "50%d.mp4"),
        ("-clip.mp4", "50%d.gif"),
        pytest.param(
            os.fsdecode(b"\xff.mp4"),
            os.fsdecode(b"\xfe.mp4"),
            marks=pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode"),
        ),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="names have no colons")
def test_odd_names(clip, tmp_path, capsys, name, output):
    shutil.copy(clip, name)
    words = ("--style", "great-wave", "--device", "cpu")
    assert run(["video", *words, f"-o./{output}", "--", name]) == 0
    assert sorted(os.listdir()) == sorted([name, output])
    if output.endswith(".mp4"):
        assert frame_times(tmp_path / f"./{output}") == frame_times(clip)
        assert run(["video", *words, f"-o./{output}", "--", name]) == 0
        assert capsys.readouterr().out.endswith("is there already, painted in the same way\n")


def test_a_photograph_is_no_clip(tmp_path, capsys):
    from PIL import Image

    Image.new("RGB", (32, 32)).save("photo.jpg")
    assert video("photo.jpg", "out.mp4") == 2
    assert "photo.jpg is a single picture, and no clip: impasto stylize" in capsys.readouterr().err
    assert os.listdir() == ["photo.jpg"]


@pytest.mark.parametrize(
    ("words", "output", "told"),
    [
        (["--end", "0s"], "out.mp4", "--end is 0 s, so nothing is left: leave it out for the"),
        (["--fps", "1e-9"], "out.mp4", "--fps must be 0 or at least 0.001, not 1e-09."),
        ([], "mine", "mine is a file: name a folder for frames, or a video."),
        ([], "mine/out", "mine/out cannot be written because "),
        ([], "mine.gif", "mine.gif exists already: name another -o, or replace it with "),
        ([], "mine.mp4", "mine.mp4 exists already and was made in another way: name another -o"),
        ([], "folder.mp4", "folder.mp4 is a folder: name a file in it."),
    ],
)
def test_mistakes(clip, capsys, words, output, told):
    for name in ("mine", "mine.gif", "mine.mp4"):
        Path(name).write_text("mine")
    os.mkdir("folder.mp4")
    before = sorted(os.listdir())
    assert video(clip, output, *words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert sorted(os.listdir()) == before
    assert Path("mine").read_text() == Path("mine.mp4").read_text() == "mine"


def test_a_clip_is_enlarged_four_times_at_most(clip, tmp_path, capsys):
    assert video(clip, "out.mp4", "--size", "65536", "--end", "0.01") == 0
    told = capsys.readouterr()
    assert "clip.mp4 is enlarged 4 times at most: the long side is 192 px, not 65536." in told.err
    assert "1 frame of 192×128 px" in told.out


def test_a_clip_of_one_frame(tmp_path, capsys):
    one = make_clip(tmp_path / "one.mp4", 1, size=(32, 48))
    for output in ("out.mp4", "out.webm", "out.gif", "out.png", "out.webp", "frames"):
        assert video(one, output) == 0
        assert f"{output}: 1 frame of 48×32 px" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("output", ["out.mp4", "out.webp", "frames"])
def test_a_full_disk_is_one_sentence(clip, tmp_path, capsys, output):
    with small_disk(tmp_path / "disk", 8) as disk:
        assert video(clip, disk / output) == 2
        told = capsys.readouterr().err
        assert "No space left on device" in told
        assert told.count("\n") == 1
        assert [name for name in os.listdir(disk) if name != "frames"] == []
