"""Large tensors strip by strip, so that temporary copies stay small."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

NUMBERS = 2**20
"""Of a map, that are worked on at once where each is worked on alone."""


def strips(x: Tensor, *others: Tensor, numbers: int | None = None) -> Iterator[tuple[Tensor, ...]]:
    """Views of some rows after others of a map (…, H, W), and of maps that go along with it.

    Args:
        x: The map.
        *others: Of its height, or of height one, which are handed out whole each time.
        numbers: Of ``x`` in a strip, at most but for one row; ``NUMBERS`` by default.
    """
    height = x.shape[-2]
    rows = max(1, (numbers or NUMBERS) * height // max(1, x.numel()))
    for first in range(0, height, rows):
        part = slice(first, first + rows)
        yield tuple(y if y.shape[-2] == 1 else y[..., part, :] for y in (x, *others))
