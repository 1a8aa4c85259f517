"""What callers give for pictures, styles and regions, as the parts of a request."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.errors import OptionError, counted_noun
from impasto.images.in_memory import not_a_picture
from impasto.images.picture import PICTURE_TYPES, Picture, PictureLike
from impasto.jobs.requests import Source, StyleInput, as_region_specs
from impasto.jobs.results import Result
from impasto.regions.specs import RegionSpec
from impasto.runtime.devices import CPU

AnyPicture: TypeAlias = PictureLike | Result
"""What callers may give for a picture."""

AnyStyle: TypeAlias = AnyPicture | StyleInput
"""What callers may give for a style."""

AnyStyles: TypeAlias = AnyStyle | Mapping[str | Path, float] | Sequence[AnyStyle]
"""One style, several, or weights by style."""


def as_source(given: object, name: str = "picture") -> Source:
    """A path as text; a picture in memory as it is, an array or a tensor converted.

    Args:
        given: See :func:`impasto.images.picture.read`; or a result.
        name: What it is, for errors.

    Raises:
        ImageError: For anything else, and for arrays and tensors that are no pictures.
    """
    if isinstance(given, str | Path):
        return str(given)
    if isinstance(given, Image.Image | Picture):
        return given
    if isinstance(given, np.ndarray | Tensor):
        return images.from_pixels(given, name=name).to(CPU)
    if isinstance(given, Result):
        return Picture(given.tensor, given.alpha)
    if isinstance(given, list | tuple) and len(given) and name == "content":
        raise OptionError(
            f"One picture is made at a time, and {len(given)} contents are given: call the "
            "function for each of them.",
            got=given,
        )
    raise not_a_picture(given)


def as_style_inputs(
    styles: AnyStyles,
    shares: Sequence[float] | None = None,
    levels: Sequence[str] | None = None,
) -> tuple[StyleInput, ...]:
    """One style or several, with a weight and a level each.

    Args:
        styles: A style, several, or weights by style.
        shares: Weights of several styles.
        levels: Levels of several styles.

    Raises:
        OptionError: If there are more or fewer weights or levels than styles.
        ImageError: For what is no picture.
    """
    several: list[Any]
    if isinstance(styles, Mapping):
        if shares is not None:
            raise OptionError("The styles have weights already: leave the shares out.")
        several, shares = list(styles), list(styles.values())
    elif isinstance(styles, (*PICTURE_TYPES, StyleInput, Result)):
        several = [styles]
    elif isinstance(styles, Iterable):
        several = list(styles)
    else:
        raise not_a_picture(styles)
    for what, given in (("weights", shares), ("levels", levels)):
        if given is not None and len(given) != len(several):
            raise OptionError(
                f"{counted_noun(len(several), 'style', 'need')} as many {what}, not {len(given)}."
            )
    weights = [None] * len(several) if shares is None else list(shares)
    return tuple(
        source
        if isinstance(source, StyleInput)
        else StyleInput(as_source(source, "style"), weight, level)
        for source, weight, level in zip(
            several, weights, levels or [""] * len(several), strict=True
        )
    )


def as_regions(regions: str | Iterable[str | RegionSpec]) -> tuple[RegionSpec, ...]:
    """Regions: those given as text parsed, masks and styles in memory converted.

    Raises:
        OptionError: For a text that cannot be read, or something else.
        ImageError: For a mask or a style that is no picture.
    """
    given = list(regions) if isinstance(regions, list | tuple) else [regions]
    for region in given:
        if not isinstance(region, str | RegionSpec):
            raise OptionError(
                "A region is a text such as 'sky=sky.png@monet.jpg', or an impasto.RegionSpec, "
                f"not {type(region).__name__}.",
                got=region,
            )
    return tuple(map(_converted, as_region_specs(given)))  # type: ignore[arg-type]


def _converted(region: RegionSpec) -> RegionSpec:
    names = {"content_mask": "mask", "style_mask": "style mask", "style": "style"}
    given = {field: getattr(region, field) for field in names}
    sources: dict[str, Any] = {
        field: as_source(value, f"{names[field]} of {region.name}")
        for field, value in given.items()
        if not isinstance(value, Path) and value is not None
    }
    return dataclasses.replace(region, **sources)
