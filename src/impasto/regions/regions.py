"""Regions of a photograph: which style each part is painted in."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.errors import OptionError, option
from impasto.images.picture import Picture, PictureLike, as_float, as_uint8, match_dtype
from impasto.regions.label_images import read_colour_masks
from impasto.regions.masks import RegionSpec, check_masks, feather, parse_region, read_grey_mask
from impasto.runtime.strips import strips

REST = "rest"
"""Name of the region that the others leave uncovered."""

_MINIMUM_REST = 0.002
"""Fraction of the picture below which the uncovered part is an edge, not a region."""


@dataclass(frozen=True)
class Region:
    """One region of the photograph.

    Attributes:
        name: Part of the names of its losses: ``style.NAME.relu1_1``.
        mask: (1, 1, H, W) in [0, 1] at the photograph's size; uint8, in 255ths, for one pass.
        style: The style picture of this region; None for the painting's styles.
        style_mask: The part of its style picture that counts, (1, 1, H', W'); all by default. If
            the painting has several styles, only with a picture of its own.
        keep: Whether the photograph is left as it is here.
        style_name: A named style of a one-pass model, instead of a picture.
        colour: Colour mode of what is painted here; "" for that of the whole picture.
    """

    name: str
    mask: Tensor
    style: Picture | None = None
    style_mask: Tensor | None = None
    keep: bool = False
    style_name: str = ""
    colour: str = ""

    def to(self, device: torch.device) -> Region:
        """The region with its masks and style picture on a device."""
        style = None if self.style is None else self.style.to(device)
        style_mask = None if self.style_mask is None else self.style_mask.to(device)
        return replace(self, mask=self.mask.to(device), style=style, style_mask=style_mask)


def read_regions(
    content: Picture,
    styles: Sequence[Picture],
    *,
    mask: PictureLike | None = None,
    style_mask: PictureLike | None = None,
    regions: Sequence[str | RegionSpec] = (),
    blur: float = 0.0,
    max_pixels: int = images.MAX_PIXELS,
    style_names: Collection[str] = (),
    has_styles: bool = True,
    as_levels: bool = False,
) -> tuple[list[Region], list[str]]:
    """Read the masks and style pictures of regions.

    Args:
        content: The photograph.
        styles: The painting's style pictures.
        mask: Label picture of the photograph, one colour per region.
        style_mask: Label picture of the style picture, in the same colours.
        regions: As parsed by :func:`impasto.regions.masks.parse_region`, or its texts.
        blur: Standard deviation of the blur of the edges, relative to the photograph's long side.
        max_pixels: Larger masks and style pictures are refused.
        style_names: Named styles that a region may have instead of a picture.
        has_styles: Whether the painting has styles beside those of the regions. If not, what the
            regions leave uncovered stays as the photograph.
        as_levels: Whether the masks of the photograph are uint8, a quarter of the memory.

    Returns:
        Regions that together cover the photograph (none if none were named), and notices.

    Raises:
        ImpastoError: For unusable files or texts.
    """
    if (mask is None) != (style_mask is None):
        raise OptionError(
            f"{option('mask')} and {option('style_mask')} belong together: "
            "give both label pictures."
        )
    if mask is not None and regions:
        raise OptionError(
            f"Give regions by {option('mask')} and {option('style_mask')} or by "
            f"{option('region')}, not by both."
        )
    if mask is not None and style_mask is not None:
        if len(styles) != 1:
            raise OptionError(
                f"{option('style_mask')} is for one style picture; "
                f"use {option('region')} for several."
            )
        masks = read_colour_masks(
            mask,
            style_mask,
            content.size,
            styles[0].size,
            max_pixels=max_pixels,
            file_sizes=(content.info.size, styles[0].info.size),
            as_levels=as_levels,
        )
        blurred = _feathered(masks.content, blur * max(content.size))
        labelled = [
            Region(
                name, blurred[:, index : index + 1], style_mask=masks.style[:, index : index + 1]
            )
            for index, name in enumerate(masks.names)
        ]
        if masks.is_partial:
            labelled = complete(labelled, content.size, has_styles=has_styles)
        return labelled, masks.notices
    parsed = [parse_region(r) if isinstance(r, str) else r for r in regions]
    names = [region.name for region in parsed]
    if len(set(names)) < len(names) or REST in names:
        raise OptionError(
            f"Give every {option('region')} a name of its own, and none the name {REST!r}."
        )
    result, notices = [], []
    for spec in parsed:
        region, more = _read_region(
            spec, content, styles, blur, max_pixels, style_names, as_levels=as_levels
        )
        result.append(region)
        notices += more
    covering = complete(result, content.size, has_styles=has_styles)
    return covering, [*notices, *_uncovered(covering, len(result))]


def resolve_name(name: str, names: Collection[str]) -> str:
    """The only one of ``names`` that contains these words, e.g. ``great-wave`` for ``wave``."""
    matches = [other for other in names if f"-{name}-" in f"-{other}-"]
    return matches[0] if name not in names and len(matches) == 1 else name


def style_name_of(region: RegionSpec, style_names: Collection[str]) -> str:
    """The named style of a region, or ""; a file of that name takes precedence."""
    style = region.style
    if not isinstance(style, str | Path) or os.path.isfile(style):
        return ""
    name = resolve_name(str(style), style_names)
    return name if name in style_names else ""


def _feathered(masks: Tensor, radius: float) -> Tensor:
    """See :func:`impasto.regions.masks.feather`; masks of either type."""
    if masks.is_floating_point():
        return feather(masks, radius)
    return as_uint8(feather(as_float(masks), radius)) if radius else masks


def complete(
    regions: Sequence[Region], size: tuple[int, int], *, has_styles: bool = True
) -> list[Region]:
    """Add a region for what the regions leave uncovered, painted in the common styles.

    Overlapping masks are scaled to sum to one.

    Args:
        regions: Parts of the photograph.
        size: Height and width of the photograph.
        has_styles: Whether there are common styles; if not, the photograph is kept there.

    Raises:
        OptionError: If a mask is empty, holds NaN, or does not have the photograph's size.
    """
    if not regions:
        return []
    for region in regions:
        if region.mask.shape != (1, 1, *size):
            check_masks(region.mask, size)
    # With a plane for the rest, so that all can be used as one tensor without a copy.
    whole = torch.cat([*(region.mask for region in regions), regions[0].mask], dim=1)
    masks, rest, uncovered = whole[:, :-1], whole[:, -1:], 0.0
    check_masks(masks, size)
    for planes, rows in strips(masks, rest):
        floats = as_float(planes)
        floats = floats / floats.sum(1, keepdim=True).clamp_min(1)
        planes.copy_(match_dtype(floats, planes))
        left = (1 - floats.sum(1, keepdim=True)).clamp(0, 1)
        uncovered += float(left.sum())
        rows.copy_(match_dtype(left, rows))
    covered = [replace(region, mask=masks[:, i : i + 1]) for i, region in enumerate(regions)]
    if uncovered / rest.numel() < _MINIMUM_REST:
        return covered
    if not has_styles:
        return [*covered, Region(REST, rest, keep=True)]
    # Parts of the common style picture that belong to other regions are left out.
    taken = [r.style_mask for r in regions if r.style is None and r.style_mask is not None]
    unused = (1 - torch.cat(taken, dim=1).sum(1, keepdim=True)).clamp(0, 1) if taken else None
    if unused is not None and float(unused.mean()) < _MINIMUM_REST:
        unused = None
    return [*covered, Region(REST, rest, style_mask=unused)]


def _uncovered(regions: Sequence[Region], number: int) -> list[str]:
    """A notice if the photograph is kept where none of the regions that were named is."""
    if len(regions) == number or not regions[-1].keep:
        return []
    share = max(0.01, float(as_float(regions[-1].mask).mean()))
    return [f"The regions leave {share:.0%} of the picture uncovered: the photograph stays there."]


def kept_mask(regions: Sequence[Region]) -> Tensor | None:
    """Where the photograph is kept as it is, (1, 1, H, W), or None."""
    masks = [region.mask for region in regions if region.keep]
    return torch.cat(masks, dim=1).sum(1, keepdim=True).clamp(0, 1) if masks else None


def _read_region(
    spec: RegionSpec,
    content: Picture,
    styles: Sequence[Picture],
    blur: float,
    max_pixels: int,
    style_names: Collection[str],
    *,
    as_levels: bool,
) -> tuple[Region, list[str]]:
    mask, notices = read_grey_mask(
        spec.content_mask,
        content.size,
        feather=blur * max(content.size),
        max_pixels=max_pixels,
        file_size=content.info.size,
        as_levels=as_levels,
    )
    if name := style_name_of(spec, style_names):
        if spec.style_mask is not None:
            raise OptionError(
                f"The region {spec.name} has a style mask, but the style {spec.style} is no "
                "picture: leave the mask out."
            )
        return Region(spec.name, mask, style_name=name, colour=spec.colour), notices
    style = None if spec.style is None else images.read(spec.style, max_pixels=max_pixels)
    style_mask = None
    if spec.style_mask is not None:
        if style is None and len(styles) != 1:
            number = f"are {len(styles)} styles" if styles else "is no style picture"
            raise OptionError(
                f"The region {spec.name} has a style mask, but there {number}: "
                f"name the picture, {spec.name}=mask.png@style.jpg:{spec.style_mask}."
            )
        picture = style or styles[0]
        style_mask, more = read_grey_mask(
            spec.style_mask, picture.size, max_pixels=max_pixels, file_size=picture.info.size
        )
        notices += more
    return Region(spec.name, mask, style, style_mask, spec.keep, colour=spec.colour), notices
