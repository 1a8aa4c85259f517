"""``impasto.paint``: one call, one picture."""

from __future__ import annotations

import csv
import json
import platform
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.areas import read_areas
from impasto.descent import Step
from impasto.files import replacing
from impasto.goals import as_styles
from impasto.origins import costs
from impasto.painter import Painter, read_styles
from impasto.presets import get_recipe
from impasto.recipes import Recipe

Row = dict[str, float]
"""One step in the loss history: stage, step, height, width, seconds, loss and every term."""


NOT_LOSSES = ("stage", "step", "height", "width", "seconds")
"""What a row tells besides losses."""


class Savable(ABC):
    """A picture that was made, with its opacity and how it was made."""

    tensor: Tensor
    alpha: Tensor | None

    @property
    def image(self) -> Image.Image:
        """The picture as a Pillow image, RGB or RGBA."""
        return images.to_pil(self.tensor, self.alpha)

    def save(self, path: str | Path, *, quality: int = 95) -> Path:
        """Write the picture in the format of the extension, with how it was made.

        Raises:
            ImageError: If it cannot be written there.
        """
        return images.write(
            path, self.tensor, alpha=self.alpha, quality=quality, metadata=self.metadata()
        )

    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """What goes into the picture's file."""


@dataclass(frozen=True)
class Painting(Savable):
    """A finished (or stopped) painting.

    Attributes:
        tensor: (1, 3, H, W), RGB, sRGB in [0, 1].
        alpha: (1, 1, H, W), the content's opacity, or None.
        losses: One row a step: stage, step, height, width, seconds, loss and every weighted term.
        recipe: How it was made.
        seconds: How long it took.
        sources: What was painted, see :func:`describe_sources`.
        peak_bytes: The most memory that the process held, if it painted nothing else.
    """

    tensor: Tensor = field(repr=False)
    alpha: Tensor | None = field(repr=False)
    losses: list[Row] = field(repr=False)
    recipe: Recipe
    seconds: float
    sources: Mapping[str, str] = field(default_factory=dict)
    peak_bytes: float | None = None

    def metadata(self) -> dict[str, str]:
        """What goes into the picture's file: recipe, sources, time and memory, versions."""
        return describe_making(
            self.recipe, {**self.sources, **costs(self.seconds, self.peak_bytes)}
        )


def paint(
    content: str | Path | Image.Image,
    style: str | Path | Image.Image | Sequence[str | Path | Image.Image],
    *,
    recipe: str | Path | Recipe = "default",
    shares: Sequence[float] | None = None,
    levels: Sequence[str] | None = None,
    mask: str | Path | None = None,
    style_mask: str | Path | None = None,
    regions: Sequence[str] = (),
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    **changes: Any,
) -> Painting:
    """Paint a content picture in the manner of a style picture.

    Args:
        content: A picture's path, or a Pillow image.
        style: Likewise; or several, mixed by ``shares``.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        shares: Weights of several styles; equal by default.
        levels: ``"coarse"`` or ``"fine"`` for each style, or ``""``: which layers compare it,
            the deep ones (its large forms), the shallow ones (its brushwork), or all as by default.
        mask: Label picture of the content, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: ``"sky=sky.png@monet.jpg"`` and the like, see :mod:`impasto.masks`.
        memory: Bytes that the process may take; two thirds of what is free by default.
        max_pixels: Refuse larger pictures and masks.
        **changes: Recipe entries to change, e.g. ``size=1024, style_loss="gram"``.

    Returns:
        The painting; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    base = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
    chosen = base.replace(**changes)
    several = [style] if isinstance(style, (str, Path, Image.Image)) else list(style)
    picture = images.read(content, long_side=chosen.size, max_pixels=max_pixels)
    pictures = read_styles(several, chosen, max(picture.size), max_pixels=max_pixels)
    styles = as_styles(pictures, shares, levels)
    areas, _ = read_areas(
        picture,
        pictures,
        mask=mask,
        style_mask=style_mask,
        regions=regions,
        blur=chosen.feather,
        max_pixels=max_pixels,
    )
    painter = Painter(picture, styles, chosen, areas=areas, memory=memory, max_pixels=max_pixels)
    losses, seconds = [], 0.0
    for step in painter:
        losses.append(row(step))
        seconds = step.seconds
    sources = describe_sources(
        content, several, shares, levels, mask=mask, style_mask=style_mask, regions=regions
    )
    return Painting(painter.picture, picture.alpha, losses, chosen, seconds, sources)


def row(step: Step) -> Row:
    """A step as one row of the loss history."""
    height, width = step.size
    return {
        "stage": step.stage + 1,
        "step": step.step,
        "height": height,
        "width": width,
        "seconds": round(step.seconds, 3),
        "loss": step.loss,
        **step.losses,
    }


def losses_of(entry: Row) -> dict[str, float]:
    """The losses of a row: the sum, as ``loss``, and every weighted term."""
    return {name: value for name, value in entry.items() if name not in NOT_LOSSES}


def write_losses(path: str | Path, rows: Sequence[Row]) -> None:
    """Write a loss history as CSV, atomically."""
    columns = list(dict.fromkeys(name for entry in rows for name in entry))
    with replacing(Path(path)) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def describe_making(recipe: Recipe, sources: Mapping[str, str]) -> dict[str, str]:
    """How a picture was made, for the metadata: recipe, sources, versions.

    Args:
        recipe: What it was painted by.
        sources: See :func:`describe_sources`.
    """
    from impasto import __version__

    return {
        "impasto": __version__,
        "recipe": recipe.to_toml(),
        **sources,
        "made with": f"torch {torch.__version__}, Python {platform.python_version()}",
    }


def describe_sources(
    content: str | Path | Image.Image,
    styles: Sequence[str | Path | Image.Image],
    shares: Sequence[float] | None,
    levels: Sequence[str] | None = None,
    *,
    mask: str | Path | None = None,
    style_mask: str | Path | None = None,
    regions: Sequence[str] = (),
) -> dict[str, str]:
    """What was painted, for the metadata; ``style`` is a JSON list of [LEVEL=]PATH[:WEIGHT]."""
    weights = [""] * len(styles) if shares is None else [f":{float(share)}" for share in shares]
    marks = [f"{level}=" if level else "" for level in levels or [""] * len(styles)]
    names = list(map("".join, zip(marks, map(source_name, styles), weights, strict=True)))
    sources = {"content": source_name(content), "style": json.dumps(names, ensure_ascii=False)}
    if mask is not None and style_mask is not None:
        sources |= {"mask": str(mask), "style mask": str(style_mask)}
    if regions:
        sources["regions"] = json.dumps(list(regions), ensure_ascii=False)
    return sources


def source_name(source: str | Path | Image.Image) -> str:
    """What a picture that was read from there is called in metadata."""
    return str(source) if isinstance(source, (str, Path)) else "(a picture in memory)"
