"""Small pictures of known colours, to be held against formulae pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from hypothesis import settings
from numpy.typing import NDArray
from torch import Tensor

quick = settings(max_examples=12, deadline=None)


def random_picture(
    seed: int = 0,
    size: tuple[int, int] = (12, 10),
    batch: int = 1,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Correlated colours, far enough from one plane."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.rand(batch, 3, *size, generator=random, dtype=torch.float64)
    mixed = 0.6 * noise + 0.4 * torch.rand(3, 3, generator=random).double()[None, :, :1, None]
    mixed[:, 1] = 0.5 * mixed[:, 0] + 0.5 * mixed[:, 1]
    return mixed.clamp(0, 1).to(dtype)


def pixel(*values: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(values, dtype=dtype).view(1, 3, 1, 1)


def picture_of(rows: Sequence[Sequence[float]], dtype: torch.dtype = torch.float64) -> Tensor:
    """A picture one pixel high from a list of colours."""
    return torch.tensor(rows, dtype=dtype).T.reshape(1, 3, 1, -1)


def rows_of(picture: Tensor) -> NDArray[Any]:
    """The colours of one picture: (N, 3), numpy."""
    assert len(picture) == 1
    return picture[0].flatten(1).T.double().numpy()


LEVELS = (0, 1 / 65535, 1 / 255, 0.03, 0.04045, 0.05, 0.5, 254 / 255, 1)
CUBE = picture_of(list(product(LEVELS, repeat=3)))  # with all corners, edges and near-blacks
