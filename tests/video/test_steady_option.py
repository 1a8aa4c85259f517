"""``impasto video --steady``: from the command line and from Python."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.painted_clips import paint_clip, request_for
from impasto.cli.main import run

FRAMES = 6


@pytest.fixture
def noisy(tmp_path) -> Path:
    """A still with the noise of a camera, as a folder of frames."""
    folder, generator = tmp_path / "noisy", np.random.default_rng(0)
    folder.mkdir()
    rows, columns = np.mgrid[0:48, 0:64]
    still = np.stack([3 * columns, 4 * rows, 90 + 0 * rows], -1)
    still[12:24, 20:40] = (240, 240, 30)
    for number in range(FRAMES):
        grain = generator.normal(0, 6, still.shape)
        levels = np.clip(still + grain, 0, 255).astype(np.uint8)
        Image.fromarray(levels).save(folder / f"{number}.png")
    return folder


def flicker(folder: Path) -> float:
    """Root mean square of the change from frame to frame, in levels."""
    frames = [np.asarray(Image.open(folder / f"{n}.png"), float) for n in range(FRAMES)]
    return float(np.mean([(b - a) ** 2 for a, b in pairwise(frames)]) ** 0.5)


def test_steady_is_the_default_and_flickers_less(noisy, tmp_path, capsys):
    command = ["video", str(noisy), "--style", "great-wave", "--quiet"]
    assert run([*command, "-o", str(tmp_path / "steady")]) == 0
    assert run([*command, "-o", str(tmp_path / "single"), "--steady", "0"]) == 0
    assert flicker(tmp_path / "steady") < 0.5 * flicker(tmp_path / "single")
    single = request_for(noisy, steady=0.0)
    paint_clip(single, tmp_path / "python")
    assert flicker(tmp_path / "python") == flicker(tmp_path / "single")


def test_another_value_is_one_sentence(noisy, tmp_path, capsys):
    command = ["video", str(noisy), "--style", "great-wave", "-o", str(tmp_path / "out")]
    assert run([*command, "--steady", "1.5"]) == 2
    told = capsys.readouterr().err
    assert "--steady" in told
    assert "1.5" in told
    assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_library_is_told_with_what_needs_none(noisy, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    command = ["video", str(noisy), "--style", "great-wave", "--quiet", "-o", str(tmp_path / "out")]
    assert run(command) == 2
    assert "--steady needs OpenCV" in (told := capsys.readouterr().err)
    assert "--steady 0 needs none" in told
    assert run([*command, "--steady", "0"]) == 0
