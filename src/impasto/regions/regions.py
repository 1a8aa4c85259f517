"""Areas of a painting: which part of the photograph is painted after what."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.errors import OptionError, option
from impasto.images.picture import Picture
from impasto.regions.label_images import read_colour_masks
from impasto.regions.masks import RegionSpec, check_masks, feather, parse_region, read_grey_mask

REST = "rest"
"""Name of what no region covers."""

_LEAST_REST = 0.002
"""Share of the picture below which what is left over is an edge, not an area."""


@dataclass(frozen=True)
class Region:
    """One area of the photograph.

    Attributes:
        name: In the losses: ``style.NAME.relu1_1``.
        where: (1, 1, H, W) in [0, 1] at the photograph's size.
        style: The style picture of this area alone; None for the painting's styles.
        style_where: Which part of its style picture counts, (1, 1, H', W'); all by default. Where
            the painting has several styles, only with a picture of its own.
        keep: Whether the area stays as the photograph is.
        named: A one-pass model's own style that is this area's, in place of a picture.
    """

    name: str
    where: Tensor
    style: Picture | None = None
    style_where: Tensor | None = None
    keep: bool = False
    named: str = ""


def read_regions(
    content: Picture,
    styles: Sequence[Picture],
    *,
    mask: str | Path | None = None,
    style_mask: str | Path | None = None,
    regions: Sequence[str] = (),
    blur: float = 0.0,
    max_pixels: int = images.MAX_PIXELS,
    named: Collection[str] = (),
) -> tuple[list[Region], list[str]]:
    """The regions that a user named.

    Args:
        content: The photograph.
        styles: The painting's style pictures.
        mask: Label picture of the photograph: one colour a region.
        style_mask: Label picture of the style picture, with the same colours.
        regions: Texts as :func:`impasto.regions.masks.parse_region` takes them.
        blur: Of the edges, as a share of the photograph's long side.
        max_pixels: Refuse larger masks and style pictures.
        named: Names of styles that a region may have in place of a picture's path.

    Returns:
        Areas that together cover the photograph (none if nothing was named), and notices.

    Raises:
        ImpastoError: For files and texts that cannot be used.
    """
    if (mask is None) != (style_mask is None):
        raise OptionError(
            f"{option('mask')} and {option('style_mask')} belong together: "
            "give both label pictures."
        )
    if mask is not None and regions:
        raise OptionError(
            f"Name regions by {option('mask')} and {option('style_mask')} or by "
            f"{option('region')}, not by both."
        )
    if mask is not None and style_mask is not None:
        if len(styles) != 1:
            raise OptionError(
                f"{option('style_mask')} is for one style picture; "
                f"use {option('region')} for several."
            )
        found = read_colour_masks(
            mask, style_mask, content.size, styles[0].size, max_pixels=max_pixels
        )
        wheres = feather(found.content, blur * max(content.size))
        return [
            Region(name, wheres[:, [index]], style_where=found.style[:, [index]])
            for index, name in enumerate(found.names)
        ], found.notices
    parsed = [parse_region(text) for text in regions]
    names = [region.name for region in parsed]
    if len(set(names)) < len(names) or REST in names:
        raise OptionError(
            f"Give every {option('region')} a name of its own, and none the name {REST!r}."
        )
    read, notices = [], []
    for spec in parsed:
        region, said = _read_region(spec, content, styles, blur, max_pixels, named)
        read.append(region)
        notices += said
    return complete(read, content.size), notices


def full_name(name: str, names: Collection[str]) -> str:
    """The one of these names of which a name is some of the words, ``great-wave`` for ``wave``."""
    found = [each for each in names if f"-{name}-" in f"-{each}-"]
    return found[0] if name not in names and len(found) == 1 else name


def name_of(region: RegionSpec, named: Collection[str]) -> str:
    """Which of these names a region's style is, or ""; a file of that name goes before it."""
    if region.style is None or os.path.isfile(region.style):
        return ""
    name = full_name(str(region.style), named)
    return name if name in named else ""


def complete(regions: Sequence[Region], size: tuple[int, int]) -> list[Region]:
    """The regions with one more for what they leave uncovered, painted after the common styles.

    Where regions overlap, each counts by its share.

    Raises:
        OptionError: If a mask is empty, holds NaN or has another size than the photograph.
    """
    if not regions:
        return []
    planes = torch.cat([area.where for area in regions], dim=1)
    check_masks(planes, size)
    planes = planes / planes.sum(1, keepdim=True).clamp_min(1)
    done = [replace(area, where=planes[:, [index]]) for index, area in enumerate(regions)]
    rest = (1 - planes.sum(1, keepdim=True)).clamp(0, 1)
    if float(rest.mean()) < _LEAST_REST:
        return done
    # The parts of the common style that other regions have are theirs.
    taken = [a.style_where for a in regions if a.style is None and a.style_where is not None]
    left = (1 - torch.cat(taken, dim=1).sum(1, keepdim=True)).clamp(0, 1) if taken else None
    if left is not None and float(left.mean()) < _LEAST_REST:
        left = None
    return [*done, Region(REST, rest, style_where=left)]


def _read_region(
    region: RegionSpec,
    content: Picture,
    styles: Sequence[Picture],
    blur: float,
    max_pixels: int,
    named: Collection[str],
) -> tuple[Region, list[str]]:
    where, notices = read_grey_mask(
        region.content_mask,
        content.size,
        feather=blur * max(content.size),
        max_pixels=max_pixels,
    )
    style = None
    if name := name_of(region, named):
        if region.style_mask is not None:
            raise OptionError(
                f"The region {region.name} has a style mask, and the style {region.style} no "
                "picture: leave the mask out."
            )
        return Region(region.name, where, named=name), notices
    if region.style is not None:
        style = images.read(region.style, max_pixels=max_pixels)
    style_where = None
    if region.style_mask is not None:
        if style is None and len(styles) != 1:
            raise OptionError(
                f"The region {region.name} has a style mask, but there are {len(styles)} styles: "
                f"name the picture, {region.name}=mask.png@style.jpg:{region.style_mask}."
            )
        picture = style or styles[0]
        style_where, said = read_grey_mask(region.style_mask, picture.size, max_pixels=max_pixels)
        notices += said
    return Region(region.name, where, style, style_where, region.keep), notices
