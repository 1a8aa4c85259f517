"""The share of a photograph's structure that is kept: what counts, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.images.samples import PAIRS
from impasto.painting.structure import SIDES, kept_structure

PHOTO = images.read(PAIRS["tuebingen-starry-night"].content_path, long_side=160).tensor
NOISE = torch.rand(PHOTO.shape, generator=torch.Generator().manual_seed(1))


def reference(result: torch.Tensor, content: torch.Tensor) -> float:
    """The same by a loop over windows, in float64."""
    weights = np.array([0.299, 0.587, 0.114])
    scores = []
    for side in SIDES:
        size = images.fit_size(tuple(content.shape[-2:]), min(side, max(content.shape)))
        grey = [
            np.tensordot(weights, images.resize(picture, size)[0].double().numpy(), 1)
            for picture in (result, content)
        ]
        total = kept = 0.0
        for row in range(size[0] - 6):
            for column in range(size[1] - 6):
                x, y = (g[row : row + 7, column : column + 7].ravel() for g in grey)
                contrast = y.std()
                if contrast > 2 / 255:
                    spread = max(x.std(), 2 / 255)
                    covariance = ((x - x.mean()) * (y - y.mean())).mean()
                    kept += contrast * min(1.0, abs(covariance) / (spread * contrast))
                    total += contrast
        scores.append(kept / total)
    return sum(scores) / len(scores)


def test_it_is_the_formula():
    other = 0.5 * PHOTO + 0.5 * NOISE
    assert kept_structure(other, PHOTO) == pytest.approx(reference(other, PHOTO), abs=2e-4)


@pytest.mark.parametrize(
    "changed",
    [
        PHOTO,
        1 - PHOTO,
        PHOTO * 0.5,
        0.3 + PHOTO * 0.4,
        PHOTO.mean(1, keepdim=True).expand(PHOTO.shape),
    ],
    ids=["same", "negative", "darker", "paler", "grey"],
)
def test_colours_and_contrast_do_not_count(changed):
    assert kept_structure(changed, PHOTO) > 0.95


def test_it_falls_as_structure_is_lost():
    scores = [kept_structure(torch.lerp(PHOTO, NOISE, share), PHOTO) for share in (0, 0.4, 0.8, 1)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.99
    assert scores[-1] < 0.35
    assert kept_structure(PHOTO.flip(-1), PHOTO) < 0.6


def test_even_parts_do_not_count():
    wide = torch.cat([PHOTO, torch.full_like(PHOTO, 0.7)], dim=-1)
    noisy = torch.cat([PHOTO, NOISE], dim=-1)
    assert kept_structure(noisy, wide) > 0.9


def test_the_size_hardly_counts():
    large, noise = (images.resize(p, (320, 427)) for p in (PHOTO, NOISE))
    small = kept_structure(torch.lerp(PHOTO, NOISE, 0.5), PHOTO)
    assert kept_structure(torch.lerp(large, noise, 0.5), large) == pytest.approx(small, abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (64, 64)])
def test_pictures_without_contrast_and_tiny_ones(size):
    even = torch.full((1, 3, *size), 0.5)
    assert kept_structure(torch.rand(1, 3, *size), even) == 1.0
    assert 0 <= kept_structure(even, smooth_picture(*size, seed=1)) <= 1
