"""Masks from two label pictures, in which each region has one colour.

A colour that fills flat areas is a region; colours of smooth edges and of compression are not.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.errors import InputDataError, OptionError
from impasto.images.picture import Picture, PictureLike, as_float, match_dtype
from impasto.regions.masks import check_aspect, resize_masks
from impasto.runtime.in_memory import name_of
from impasto.runtime.strips import STRIP_ELEMENTS, strips

COLOUR_TOLERANCE = 0.12
"""Colours closer than this in the RGB cube are one region. It is some 30 of 255 levels: above the
noise of JPEG in a flat colour, below the 64 levels between the colours of common palettes."""

_OPAQUE = 0.5
"""Alpha below which a pixel belongs to no region."""

_BINS = 64  # per channel of the colour histogram


class _Round(NamedTuple):
    """One search for the colours of regions among flat pixels."""

    slope: float  # largest difference between neighbouring pixels that count as flat
    share: float  # smallest share of the flat pixels that makes a colour a region
    blend_share: float  # the same for a colour between two others, as at smooth edges


# In a small JPEG a region may have no quite flat pixel. The last round is for files without any.
_ROUNDS = (
    _Round(8 / 255, 0.0002, 0.003),
    _Round(24 / 255, 0.003, 0.02),
    _Round(1.0, 0.02, 0.02),
)


class ColourMasks(NamedTuple):
    """The regions of two label pictures."""

    names: tuple[str, ...]  # R names "#rrggbb", sorted
    content: Tensor  # (1, R, H, W) in [0, 1]; planes sum to one wherever the file is opaque
    style: Tensor  # (1, R, H', W'), the same of the style picture, in the same order
    notices: list[str]  # for the user, one sentence each
    is_partial: bool = False  # whether some of the content belongs to no region


def read_colour_masks(
    content_mask: PictureLike,
    style_mask: PictureLike,
    content_size: tuple[int, int],
    style_size: tuple[int, int],
    *,
    tolerance: float = COLOUR_TOLERANCE,
    max_pixels: int = images.MAX_PIXELS,
    file_sizes: tuple[tuple[int, int] | None, tuple[int, int] | None] = (None, None),
    as_levels: bool = False,
) -> ColourMasks:
    """The masks of all regions of two label pictures with the same colours.

    A colour that fills flat areas, even small ones, is a region; lines of one or two pixels are
    not. Each pixel belongs to the region of the nearest colour, and a transparent one to none.

    Args:
        content_mask: Label picture of the photograph.
        style_mask: Label picture of the style picture.
        content_size: Height and width of the photograph.
        style_size: Height and width of the style picture.
        tolerance: Distance up to which colours are the same, within a file and between the two:
            0.03 to 0.5 of the side of the RGB cube.
        max_pixels: Larger files are refused.
        file_sizes: Height and width of the files of photograph and style picture.
        as_levels: Whether the masks of the content are uint8, in 255ths: a quarter of the memory.

    Raises:
        ImageError: If a file is not a picture.
        InputDataError: If a region is in one file only, or a file has no flat regions, is
            transparent everywhere, or has another aspect ratio than its picture.
        OptionError: If the tolerance is out of range.
    """
    if not 0.03 <= tolerance <= 0.5:
        raise OptionError(f"The tolerance of colours is {tolerance}: choose 0.03 to 0.5.")
    least = 0 if as_levels else math.inf
    content, style = (
        images.read(mask, max_pixels=max_pixels, bytes_from=least)
        for mask in (content_mask, style_mask)
    )
    content_name, style_name = name_of(content_mask), name_of(style_mask)
    notices = check_aspect(content_name, content.tensor, content_size, file_size=file_sizes[0])
    notices += check_aspect(style_name, style.tensor, style_size, file_size=file_sizes[1])
    notices += _transparency(content_name, content) + _transparency(style_name, style)
    content_palette = _palette(content_name, content, tolerance)
    style_palette = _palette(style_name, style, tolerance)
    pairs = _match(content_palette, style_palette, tolerance)
    content_only = set(range(len(content_palette))) - set(pairs)
    style_only = set(range(len(style_palette))) - set(pairs.values())
    _check_all_matched(content_palette[list(content_only)], content_name, style_name)
    _check_all_matched(style_palette[list(style_only)], style_name, content_name)
    order = sorted(pairs, key=lambda index: _hex(content_palette[index]))
    return ColourMasks(
        tuple(_hex(content_palette[index]) for index in order),
        _label(content, content_palette[order], content_size, as_levels=as_levels),
        _label(style, style_palette[[pairs[index] for index in order]], style_size),
        notices,
        content.alpha is not None,
    )


def _transparency(path: str, picture: Picture) -> list[str]:
    """A notice for a label picture with transparent pixels."""
    if picture.alpha is None:
        return []
    share = float((picture.alpha < _OPAQUE).float().mean())
    if share == 1:
        raise InputDataError(f"{path} is transparent everywhere: paint each region in its colour.")
    return [f"{share:.0%} of {path} is transparent and belongs to no region."] if share else []


def _check_all_matched(unmatched: Tensor, path: str, other: str) -> None:
    if len(unmatched):
        names = " and ".join(sorted(map(_hex, unmatched)))
        raise InputDataError(f"{path} has {names} and {other} has not: paint it in both or none.")


def _bins(picture: Tensor) -> Tensor:
    """Index of the histogram bin of each pixel (3, H, W): (H, W)."""
    levels = (picture * (_BINS - 1e-3)).long()
    return (levels[0] * _BINS + levels[1]) * _BINS + levels[2]


def _palette(path: str, picture: Picture, tolerance: float) -> Tensor:
    """The colours of a label picture's regions, (R, 3)."""
    # Regions are flat; smooth and compressed edges are slopes.
    slope = _slope(picture.tensor[0])
    if picture.alpha is not None:
        slope[picture.alpha[0, 0] < _OPAQUE] = math.inf
    regions: list[Tensor] = []
    for limits in _ROUNDS:
        if limits.slope == 1 and regions:
            break
        for share, colour in _peaks(picture.tensor[0], slope <= limits.slope, tolerance):
            if all((colour - region).norm() > tolerance for region in regions):
                is_blend = _is_blend(colour, regions, tolerance)
                if share >= (limits.blend_share if is_blend else limits.share):
                    regions.append(colour)
    if not regions:
        raise InputDataError(f"{path} has no regions of one colour: paint each region in its own.")
    return torch.stack(regions)


def _slope(picture: Tensor) -> Tensor:
    """The largest difference of a channel in the neighbourhood of 3×3 pixels, (H, W)."""
    slope = torch.empty(picture.shape[-2:])
    height = len(slope)
    rows = max(1, STRIP_ELEMENTS // slope.shape[1])
    for first in range(0, height, rows):
        last = min(height, first + rows)
        above, below = max(0, first - 1), min(height, last + 1)
        part = as_float(picture[None, :, above:below])
        both = F.max_pool2d(part, 3, 1, 1) + F.max_pool2d(-part, 3, 1, 1)
        slope[first:last] = both[0, :, first - above : last - above].amax(0)
    return slope


def _peaks(picture: Tensor, flat: Tensor, tolerance: float) -> list[tuple[float, Tensor]]:
    """Shares and colours (3,) of the histogram's peaks over flat pixels, largest share first."""
    counts = torch.zeros(_BINS**3, dtype=torch.long)
    sums = torch.zeros(_BINS**3, 3, dtype=torch.float64)
    for levels, is_flat in strips(picture, flat):
        rows = as_float(levels)
        bins = _bins(rows)[is_flat]
        counts += torch.bincount(bins, minlength=len(counts))
        for channel, plane in enumerate(rows):
            values = plane[is_flat].double()
            sums[:, channel] += torch.bincount(bins, values, minlength=len(counts))
    flat_pixels = int(counts.sum())
    colours = (sums / counts[:, None])[counts > 0].float()
    counts = counts[counts > 0]
    remaining, peaks = counts.clone(), []
    while remaining.any():
        peak = remaining.argmax()
        near = (colours - colours[peak]).norm(dim=1) <= tolerance
        # In a wide soft edge, each bin has a fuller neighbour, closer to the colour of a region.
        if counts[peak] == counts[near].max():
            peaks.append((remaining[near].sum().item() / flat_pixels, colours[peak]))
        remaining[near] = 0
    return sorted(peaks, key=lambda peak: -peak[0])


def _is_blend(colour: Tensor, others: list[Tensor], tolerance: float) -> bool:
    """Whether a colour is within the tolerance of the line between two of the others."""
    steps = torch.linspace(0, 1, 65)[:, None]
    lines = [torch.lerp(*ends, steps) for ends in itertools.combinations(others, 2)]
    return any(bool((line - colour).norm(dim=1).min() <= tolerance) for line in lines)


def _match(first: Tensor, second: Tensor, tolerance: float) -> dict[int, int]:
    """Index in one palette → index in the other, for colours that are each other's nearest."""
    distances = torch.cdist(first, second)
    back = distances.argmin(0).tolist()
    nearest = enumerate(distances.argmin(1).tolist())
    mutual = ((index, other) for index, other in nearest if back[other] == index)
    return {index: other for index, other in mutual if distances[index, other] <= tolerance}


def _hex(colour: Tensor) -> str:
    levels = (round(255 * value) for value in colour.tolist())
    # JPEG changes pure colours by some levels; users know them by their pure names.
    pure = (0 if level <= 3 else 255 if level >= 252 else level for level in levels)
    return "#" + "".join(f"{level:02x}" for level in pure)


def _label(
    picture: Picture, palette: Tensor, size: tuple[int, int], *, as_levels: bool = False
) -> Tensor:
    """The opaque pixels nearest to each colour of a palette (R, 3), as masks (1, R, *size)."""
    centres = (torch.arange(_BINS) + 0.5) / _BINS
    colours = torch.cartesian_prod(centres, centres, centres)
    # Bytes if they suffice: one for each pixel of a large picture.
    dtype = torch.uint8 if len(palette) <= 256 else torch.int32
    nearest = [torch.cdist(part, palette).argmin(1) for part in torch.split(colours, _BINS**2)]
    labels = torch.cat(nearest).to(dtype)
    regions = torch.empty(picture.size, dtype=dtype)
    for rows, part in strips(regions, picture.tensor[0]):
        rows.copy_(labels[_bins(as_float(part))])
    is_opaque = None if picture.alpha is None else picture.alpha >= _OPAQUE
    # One plane at a time: those of many regions of a large picture take too much memory together.
    masks = torch.empty((1, len(palette), *size), dtype=torch.uint8 if as_levels else torch.float32)
    for region in range(len(palette)):
        plane = (regions == region)[None, None]
        if is_opaque is not None:
            plane &= is_opaque
        masks[:, [region]] = match_dtype(resize_masks(plane.float(), size), masks)
    return masks
