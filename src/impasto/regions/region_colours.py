"""The colours of a painted picture where regions have a choice of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from impasto.colour.modes import get_colour_mode
from impasto.images.picture import as_float, match_dtype
from impasto.regions.regions import Region
from impasto.runtime.strips import strips


def have_colours(regions: Sequence[Region], colour: str) -> bool:
    """Whether a region's colours are other than those of the whole picture."""
    return any(region.colour not in ("", colour) for region in regions if not region.keep)


def in_colours(
    painted: Tensor,
    content: Tensor,
    colour: str,
    space: str,
    regions: Sequence[Region] = (),
    *,
    masks_at: Callable[[Tensor], Tensor] = lambda mask: mask,
    overwrite: bool = False,
) -> Tensor:
    """The picture to save: that of a colour mode, but in regions that of their own.

    Args:
        painted: What was painted, (1, 3, H, W) in [0, 1] or uint8.
        content: The photograph, of the same size.
        colour: The colour mode of the whole picture.
        space: Of colours that are kept.
        regions: Parts of the picture; their colours are those of single pixels
            (:data:`impasto.regions.specs.REGION_COLOURS`).
        masks_at: A region's mask → the mask at the picture's size, (1, 1, H, W).
        overwrite: Whether the result may be written into ``painted``.
    """
    result = get_colour_mode(colour).result(painted, content, space)
    if not have_colours(regions, colour):
        return result
    own: dict[str, list[Tensor]] = {}
    for region in regions:
        if region.colour not in ("", colour) and not region.keep:
            own.setdefault(region.colour, []).append(masks_at(region.mask))
    if result is painted and not (overwrite and len(own) == 1):
        result = painted.clone()
    for name, masks in own.items():
        mode = get_colour_mode(name)
        for rows, source, photo, *parts in strips(result, painted, content, *masks):
            _put(rows, mode.result(source, photo, space), parts)
    return result


def put_where(painted: Tensor, other: Tensor, masks: Sequence[Tensor]) -> None:
    """Put another picture where masks (1, 1, H, W), float or uint8, say so, in place."""
    for rows, source, *parts in strips(painted, other, *masks):
        _put(rows, source, parts)


def _put(rows: Tensor, source: Tensor, masks: Sequence[Tensor]) -> None:
    share = sum(map(as_float, masks), torch.zeros(())).clamp(0, 1)
    rows.copy_(match_dtype(torch.lerp(as_float(rows), as_float(source), share), rows))
