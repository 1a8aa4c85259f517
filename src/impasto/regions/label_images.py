"""Regions by colour: two label pictures, in which each region has one colour.

A colour that fills flat regions is a region, whatever compression and smooth edges add.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.errors import InputDataError, OptionError
from impasto.regions.masks import check_aspect, resize_masks

COLOUR_TOLERANCE = 0.12
"""Colours nearer than this (of a cube with sides of one) are one region: some 30 of 255 levels,
above what JPEG does to a flat colour, below the 64 levels between the colours of usual palettes."""

_SHADES = 64  # along each side of the cube of colours
# Where regions are looked for: the most that neighbouring pixels may differ by, the least share of
# such pixels that makes a colour a region, and that of a colour between two others, as edges have.
# In a small JPEG a region may have no quite flat pixel; the last is for files without flat regions.
_ROUNDS = ((8 / 255, 0.0002, 0.003), (24 / 255, 0.003, 0.02), (1.0, 0.02, 0.02))


class ColourMasks(NamedTuple):
    """The regions of two label pictures."""

    names: tuple[str, ...]  # "#rrggbb", R of them, sorted
    content: Tensor  # (1, R, H, W) in [0, 1], planes that sum to one
    style: Tensor  # (1, R, H', W'), likewise, in the same order
    notices: list[str]  # what to tell the user, a sentence each


def read_colour_masks(
    content_mask: str | Path,
    style_mask: str | Path,
    content_size: tuple[int, int],
    style_size: tuple[int, int],
    *,
    tolerance: float = COLOUR_TOLERANCE,
    max_pixels: int = images.MAX_PIXELS,
) -> ColourMasks:
    """The masks of all regions from two label pictures, in which each region has one colour.

    A colour that fills flat regions, if only small ones, is a region, whatever compression and smooth
    edges add; lines of one or two pixels are not. Each pixel goes to the region of the nearest
    colour. Alpha is ignored.

    Args:
        content_mask: Any picture file, its colours in the places of the photograph's regions.
        style_mask: Likewise of the style picture.
        content_size: Height and width of the photograph.
        style_size: Those of the style picture.
        tolerance: Distance up to which colours are the same, in a file and between the two, 0.03 to
            0.5 of the side of the cube of colours.
        max_pixels: Refuse larger files.

    Raises:
        ImageError: If a file is no picture.
        InputDataError: If a region is in one file only, or a file has no regions of one colour, or
            another aspect ratio than its picture.
        OptionError: If the tolerance is out of range.
    """
    if not 0.03 <= tolerance <= 0.5:
        raise OptionError(f"The tolerance of colours is {tolerance}: choose 0.03 to 0.5.")
    content, style = (
        images.read(path, max_pixels=max_pixels).tensor for path in (content_mask, style_mask)
    )
    notices = check_aspect(content_mask, content, content_size)
    notices += check_aspect(style_mask, style, style_size)
    ours = _palette(content_mask, content, tolerance)
    theirs = _palette(style_mask, style, tolerance)
    pairs = _matched(ours, theirs, tolerance)
    alone = set(range(len(ours))) - set(pairs), set(range(len(theirs))) - set(pairs.values())
    _check_none_alone(ours[list(alone[0])], content_mask, style_mask)
    _check_none_alone(theirs[list(alone[1])], style_mask, content_mask)
    order = sorted(pairs, key=lambda index: _hex(ours[index]))
    return ColourMasks(
        tuple(_hex(ours[index]) for index in order),
        _labelled(content, ours[order], content_size),
        _labelled(style, theirs[[pairs[index] for index in order]], style_size),
        notices,
    )


def _check_none_alone(colours: Tensor, path: str | Path, other: str | Path) -> None:
    if len(colours):
        names = " and ".join(sorted(map(_hex, colours)))
        raise InputDataError(f"{path} has {names} and {other} has not: paint it in both or none.")


def _cells(picture: Tensor) -> Tensor:
    """The cell of the cube of colours that each pixel (3, H, W) lies in, (H, W)."""
    levels = (picture * (_SHADES - 1e-3)).long()
    return (levels[0] * _SHADES + levels[1]) * _SHADES + levels[2]


def _palette(path: str | Path, picture: Tensor, tolerance: float) -> Tensor:
    """The colours of a label picture's regions, (R, 3)."""
    # Regions are flat; edges, be they smooth or compressed, are slopes.
    slope = (F.max_pool2d(picture, 3, 1, 1) + F.max_pool2d(-picture, 3, 1, 1))[0].amax(0)
    regions: list[Tensor] = []
    for limit, least, least_blend in _ROUNDS:
        if limit == 1 and regions:
            break
        for share, colour in _common(picture[0], slope <= limit, tolerance):
            if all((colour - region).norm() > tolerance for region in regions):
                blend = _is_blend(colour, regions, tolerance)
                if share >= (least_blend if blend else least):
                    regions.append(colour)
    if not regions:
        raise InputDataError(f"{path} has no regions of one colour: paint each region in its own.")
    return torch.stack(regions)


def _common(picture: Tensor, flat: Tensor, tolerance: float) -> list[tuple[float, Tensor]]:
    """The shares and colours (3,) of the peaks among the flat pixels, the greatest share first."""
    cells = _cells(picture)[flat]
    votes = torch.bincount(cells)
    sums = torch.stack([torch.bincount(cells, plane[flat]) for plane in picture], dim=1)
    colours = (sums / votes[:, None])[votes > 0].float()
    votes = votes[votes > 0]
    left, found = votes.clone(), []
    while left.any():
        peak = left.argmax()
        near = (colours - colours[peak]).norm(dim=1) <= tolerance
        # On a wide soft edge each cell has a fuller one beside it, nearer to a region's colour.
        if votes[peak] == votes[near].max():
            found.append((left[near].sum().item() / len(cells), colours[peak]))
        left[near] = 0
    return sorted(found, key=lambda pair: -pair[0])


def _is_blend(colour: Tensor, others: list[Tensor], tolerance: float) -> bool:
    """Whether a colour lies, within the tolerance, on the line between two of the others."""
    steps = torch.linspace(0, 1, 65)[:, None]
    lines = [torch.lerp(*ends, steps) for ends in itertools.combinations(others, 2)]
    return any(bool((line - colour).norm(dim=1).min() <= tolerance) for line in lines)


def _matched(ours: Tensor, theirs: Tensor, tolerance: float) -> dict[int, int]:
    """Which colour of one palette is which of the other: those that are each other's nearest."""
    distances = torch.cdist(ours, theirs)
    back = distances.argmin(0).tolist()
    there = enumerate(distances.argmin(1).tolist())
    pairs = ((first, second) for first, second in there if back[second] == first)
    return {first: second for first, second in pairs if distances[first, second] <= tolerance}


def _hex(colour: Tensor) -> str:
    levels = (round(255 * value) for value in colour.tolist())
    # JPEG takes pure colours some levels off; people call them by their pure names.
    pure = (0 if level <= 3 else 255 if level >= 252 else level for level in levels)
    return "#" + "".join(f"{level:02x}" for level in pure)


def _labelled(picture: Tensor, palette: Tensor, size: tuple[int, int]) -> Tensor:
    """The pixels nearest to each colour of a palette (R, 3), as masks (1, R, *size)."""
    shades = (torch.arange(_SHADES) + 0.5) / _SHADES
    labels = torch.cdist(torch.cartesian_prod(shades, shades, shades), palette).argmin(1)
    regions = labels[_cells(picture[0])]
    planes = [(regions == region).float()[None, None] for region in range(len(palette))]
    return torch.cat([resize_masks(plane, size) for plane in planes], dim=1)
