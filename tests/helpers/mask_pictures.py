"""Masks and label pictures, and the sentence with which they are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def cells(
    colours: Sequence[tuple[int, int, int]], height: int, width: int, seed: int
) -> tuple[NDArray[Any], Image.Image]:
    """Labels (H, W) of the nearest of random points, and the label picture in those colours."""
    random = np.random.default_rng(seed)
    points = random.random((len(colours), 2)) * (height, width)
    down, right = np.mgrid[:height, :width]
    squares = [(down - y) ** 2 + (right - x) ** 2 for y, x in points]
    labels = np.stack(squares).argmin(0)
    return labels, Image.fromarray(np.array(colours, dtype=np.uint8)[labels])


def random_masks(regions: int, height: int, width: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(1, regions, height, width, generator=random)


def halves(path, left, right, size=(40, 60)):
    """Write a picture with two colours side by side, and return its path."""
    height, width = size
    picture = Image.new("RGB", (width, height), left)
    picture.paste(right, (width // 2, 0, width, height))
    picture.save(path)
    return path
