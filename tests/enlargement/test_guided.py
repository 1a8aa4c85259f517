"""A small painting carried to the size of its photograph, in tiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.random_inputs import smooth_picture
from impasto.enlargement import guided
from impasto.enlargement.guided import Detail, at_size, carried, level_count
from impasto.images.picture import as_float, resize


def masks(height: int, width: int) -> Tensor:
    """Two regions with a slanted border, (1, 2, H, W)."""
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    left = ((columns - rows / 2) < width / 3).float()
    return torch.stack([left, 1 - left])[None]


def grey(picture: Tensor) -> Tensor:
    return picture.mean(1, keepdim=True).expand(-1, 3, -1, -1)


def carry(size: tuple[int, int], factor: float, original: Tensor | None = None, **options: object):
    """A painting (the photograph's negative, with strokes of its own) carried to its size."""
    original = smooth_picture(*size, seed=1) if original is None else original
    small = (round(size[0] / factor), round(size[1] / factor))
    reduced = at_size(original, small, original.dtype)
    painted = 0.8 * (1 - as_float(reduced)) + 0.2 * smooth_picture(*small, seed=2)
    return carried(painted, reduced, original, **options)


@pytest.mark.parametrize("factor", [1.3, 2, 3.1, 7.7, 16])
@pytest.mark.parametrize("options", ["plain", "masks", "detail"])
def test_tiles_do_not_show(factor, options, monkeypatch):
    size = (181, 230)
    chosen = {
        "plain": {},
        "masks": {"masks": masks(*size)},
        "detail": {"detail": Detail(0.4, grey)},
    }[options]
    whole = carry(size, factor, **chosen)
    assert whole.shape == (1, 3, *size)
    assert float(whole.std()) > 0.05
    monkeypatch.setattr(guided, "SIDE", 16)
    torch.testing.assert_close(carry(size, factor, **chosen), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("factor", [1.3, 5])
def test_a_picture_in_bytes_is_carried_to_bytes(factor, monkeypatch):
    original = (255 * smooth_picture(120, 151, seed=1)).round().to(torch.uint8)
    floats = carry((120, 151), factor, original / 255)
    levels = carry((120, 151), factor, original)
    assert levels.dtype == torch.uint8
    assert float((levels - 255 * floats).abs().max()) <= 0.51
    monkeypatch.setattr(guided, "_MOST_FLOATS", 10)  # held in bytes between the steps, too
    assert float((carry((120, 151), factor, original) - 255 * floats).abs().mean()) <= 1


def test_edges_of_regions_are_as_sharp_as_their_masks():
    """Where the photograph is even, and with no more than its share of the small masks' blur."""
    size, small = (96, 128), (24, 32)
    where = masks(*size)
    even = torch.full((1, 3, *size), 0.5)
    painted = F.avg_pool2d(where[:, :1], 4).expand(-1, 3, -1, -1)
    found = carried(painted, torch.full((1, 3, *small), 0.5), even, masks=where)
    without = carried(painted, torch.full((1, 3, *small), 0.5), even)
    in_bytes = carried(
        painted, torch.full((1, 3, *small), 0.5), even, masks=(255 * where).to(torch.uint8)
    )
    torch.testing.assert_close(in_bytes, found)
    errors = [float((x - where[:, :1]).abs().mean()) for x in (found, without)]
    assert errors[0] < 0.5 * errors[1]


def test_the_whole_photograph_shows_through_no_style():
    """What the painting shows of it is left out of what shows through beside it."""
    original = smooth_picture(90, 120, seed=1)
    reduced = resize(original, (30, 40))
    found = carried(reduced, reduced, original, detail=Detail(1.0, lambda rows: rows))
    torch.testing.assert_close(found, original, rtol=0, atol=1e-5)


def test_progress_is_told_to_the_end(monkeypatch):
    monkeypatch.setattr(guided, "SIDE", 32)
    told: list[float] = []
    carry((64, 96), 3, progress=told.append)
    assert len(told) == 6
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize(
    ("factor", "levels"), [(1, 0), (1.5, 0), (1.7, 1), (3, 1), (4, 2), (16, 4)]
)
def test_the_enlargement_before_the_doublings_is_small(factor, levels):
    assert level_count((1600, 1600), (round(1600 / factor), round(1600 / factor))) == levels


MEASURE = """
import sys
import torch
from impasto.images.picture import as_float, resize
from impasto.enlargement.guided import carried, carried_bytes
from impasto.runtime.memory import peak_bytes

torch.set_num_threads(1)
height, width, factor, kind, regions = sys.argv[1:]
size, regions = (int(height), int(width)), int(regions)
small = tuple(round(length / float(factor)) for length in size)
dtype = getattr(torch, kind)


def carry(size, small, regions):
    original = torch.zeros(1, 3, *size, dtype=dtype)
    masks = torch.full((1, regions, *size), 0.5) if regions else None
    painted = torch.zeros(1, 3, *small)
    before = peak_bytes()
    carried(painted, painted.clone(), original, masks=masks)
    return peak_bytes() - before


carry((64, 64), (16, 16), 0)
print(carry(size, small, regions), carried_bytes(size, small, dtype.itemsize, regions))
"""
"""Prints bytes taken and bytes estimated."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no peak is known")
@pytest.mark.parametrize(
    "case", ["900 1020 3 float32 0", "1500 2000 6 uint8 0", "900 1020 3 uint8 2"]
)
def test_it_takes_the_estimated_memory(case):
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", MEASURE, *case.split()], env=environment, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    taken, estimated = map(float, answer.stdout.split())
    assert 0.8 * taken < estimated < 2 * taken
