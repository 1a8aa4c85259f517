"""Animations, read back by other programs."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.paint_commands import OPTIONS, furnish
from helpers.sentences import check_told, said
from impasto.cli.main import run
from impasto.errors import ImageError, OptionError
from impasto.jobs.existing import is_own_file
from impasto.painting.animations import check_animation, write_animation

COLOURS = [(200, 40, 40), (40, 200, 40), (60, 60, 220), (128, 128, 128)]
DURATIONS = [200, 200, 200, 1000]


def frames(size=(64, 48), mode="RGB"):
    return [Image.new(mode, size, colour) for colour in COLOURS]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_pictures_that_move_are_read_by_pillow(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    write_animation(path, frames(), DURATIONS)
    with Image.open(path) as animation:
        assert animation.n_frames == len(COLOURS)
        for number, colour in enumerate(COLOURS):
            animation.seek(number)
            shown = np.asarray(animation.convert("RGB"))
            assert animation.info["duration"] == DURATIONS[number]
            assert np.abs(shown.astype(int) - colour).max() <= (8 if suffix == ".webp" else 0)
    assert is_own_file(path)


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_a_video_is_read_by_opencv(size, tmp_path):
    path = tmp_path / "a.mp4"
    write_animation(path, frames(size), DURATIONS)
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FPS) == 25
    shown = []
    while (read := video.read())[0]:
        shown.append(read[1][..., ::-1].astype(int))
    assert [len(shown), shown[0].shape] == [5 + 5 + 5 + 25, (48, 64, 3)]
    for number, colour in zip((2, 7, 12, 30), COLOURS, strict=True):
        assert np.abs(shown[number] - colour).max() <= 6
    assert is_own_file(path)
    path.write_bytes(path.read_bytes().replace(b"impasto", b"another"))
    assert not is_own_file(path)


def test_a_video_is_over_white(tmp_path):
    path = tmp_path / "a.mp4"
    write_animation(path, [Image.new("RGBA", (32, 32), (0, 0, 0, 0))], [400])
    _, shown = cv2.VideoCapture(str(path)).read()
    assert shown.min() >= 250


def test_a_video_too_large_is_refused_before_the_work(tmp_path):
    told = said(ImageError, check_animation, tmp_path / "a.mp4", (20000, 10))
    assert told.endswith("videos have at most 16384 a side: name a folder instead.")


def test_a_video_without_pyav_is_refused_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(furnish(tmp_path / "work"))
    monkeypatch.setitem(sys.modules, "av", None)
    words = ["paint", "photo.png", "painting.png", "-o", "x.png", *OPTIONS, "--snapshots", "3"]
    assert run([*words, "--snapshots-to", "growth.mp4"]) == 2
    check_told(
        capsys,
        "A video needs PyAV: pip install '.[video]' in the clone (or name a .gif, a .webp or a "
        ".png).",
    )
    assert said(OptionError, check_animation, tmp_path / "a.mp4", (8, 8)).startswith("A video")
    assert run([*words, "--snapshots-to", "growth.jpg"]) == 2
    check_told(capsys, "a file that ends in .gif, .webp, .png or .mp4.")
    assert not (tmp_path / "work" / "x.png").exists()


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_snapshots_become_an_animation_that_ends_with_the_picture(suffix, tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "work"))
    words = ["paint", "photo.png", "painting.png", "-o", "x.png", *OPTIONS, "--quiet"]
    words += ["--snapshots", "4", "--snapshots-to", f"growth{suffix}"]
    assert run(words) == 0
    with Image.open("x.png") as picture:
        painted = np.asarray(picture.convert("RGB")).astype(int)
    if suffix == ".png":
        with Image.open("growth.png") as animation:
            assert animation.n_frames == 4
            animation.seek(3)
            assert np.array_equal(np.asarray(animation.convert("RGB")), painted)
    else:
        video, last = cv2.VideoCapture("growth.mp4"), None
        while (read := video.read())[0]:
            last = read[1][..., ::-1].astype(int)
        assert last is not None
        assert np.abs(last - painted).mean() < 8  # colours have half the resolution
    assert run([*words, "--overwrite"]) == 0
    assert run([*words[:4], "y.png", *words[5:]]) == 0  # an animation of Impasto's is replaced
    (tmp_path / "work" / f"growth{suffix}").write_bytes(b"mine")
    assert run([*words[:4], "z.png", *words[5:]]) == 2
    assert (tmp_path / "work" / f"growth{suffix}").read_bytes() == b"mine"
