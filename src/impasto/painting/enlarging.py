"""The picture that the next size of the pyramid starts from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.enlargement.guided import Detail, carried
from impasto.images.picture import as_float, resize
from impasto.regions.regions import Region
from impasto.runtime.interrupts import interruptible


def with_detail(image: Tensor, content: Tensor, size: tuple[int, int], share: float) -> Tensor:
    """A painting at the next size, with some of the detail that the photograph has only there.

    Args:
        image: (1, 3, h, w) in [0, 1].
        content: The photograph, (1, 3, H, W), of any size.
        size: Height and width of the result.
        share: Of the photograph's finer detail, 0 to 1.

    Returns:
        In [0, 1].
    """
    start = resize(image, size)
    if share:
        small = (image.shape[-2], image.shape[-1])
        detail = resize(content, size) - resize(resize(content, small), size)
        start = start + share * detail
    return start.clamp(0, 1)


def along_edges(
    image: Tensor, content: Tensor, *, strength: float = 1.0, regions: Sequence[Region] = ()
) -> Tensor:
    """A painting at the size of its photograph, with the photograph's edges.

    Args:
        image: (1, 3, h, w) in [0, 1].
        content: The photograph, (1, 3, H, W), larger.
        strength: Below 1, the photograph's finer detail shows through.
        regions: Their edges are kept as well.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    reduced = resize(content, (image.shape[-2], image.shape[-1])).clamp(0, 1)
    masks = torch.cat([region.mask for region in regions], 1) if regions else None
    detail = Detail(1 - strength, lambda rows: rows) if strength < 1 else None
    with interruptible():
        return as_float(carried(image, reduced, content, masks=masks, detail=detail))
