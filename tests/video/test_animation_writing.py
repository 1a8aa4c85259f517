"""Animations: every frame as it is, also where it changes slowly."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from impasto.video.animation_file import AnimationFile
from impasto.video.animation_writing import write_animation
from impasto.video.parts import Packet, Parts, Times


def fading(count=40):
    """Pictures that go from one grey to another, by a level or two at a time."""
    detail = np.random.default_rng(0).integers(0, 12, (64, 96, 3))
    return [(detail + 60 + 3 * n).astype(np.uint8) for n in range(count)]


def parts_of(pictures, folder):
    parts = Parts(folder, {})
    parts.begin()
    packets = []
    for number, pixels in enumerate(pictures):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        packets.append(Packet(stream.getvalue(), number))
    step = Fraction(1, 10)
    parts.add(packets, [Times(n * step, step) for n in range(len(pictures))], {})
    return parts


@pytest.mark.parametrize(("ending", "most"), [("webp", 4), ("png", 0), ("gif", 6)])
def test_slow_changes_are_shown(tmp_path, ending, most):
    pictures, path = fading(), tmp_path / f"out.{ending}"
    write_animation(av, path, parts_of(pictures, tmp_path / "parts"), loops=0, has_alpha=False)
    with Image.open(path) as image:
        frames = [np.asarray(f.convert("RGB"), int) for f in ImageSequence.Iterator(image)]
    assert len(frames) == len(pictures)
    for frame, pixels in zip(frames, pictures, strict=True):
        blocks = np.abs(frame - pixels).reshape(8, 8, 12, 8, 3).mean((1, 3, 4))
        assert blocks.max() <= most


@pytest.mark.parametrize("loops", [0, 1, 3])
@pytest.mark.parametrize("ending", ["webp", "png", "gif"])
def test_they_are_shown_as_often_as_before(tmp_path, ending, loops):
    path = tmp_path / f"out.{ending}"
    write_animation(av, path, parts_of(fading(3), tmp_path / "parts"), loops=loops, has_alpha=False)
    opened = AnimationFile(path)
    assert opened.info.loops == loops
    assert (opened.info.frames, opened.info.seconds) == (3, 0.3)
