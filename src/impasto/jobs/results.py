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
from impasto.optim.loop import Step
from impasto.recipes.recipe import Recipe
from impasto.runtime.files import replacing
from impasto.runtime.provenance import costs

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


NOISE = "(noise)"
"""What stands in the metadata for the content of a picture that has none."""


def texture_sources(
    styles: Sequence[str | Path | Image.Image],
    size: tuple[int, int],
    *,
    tileable: bool,
    shares: Sequence[float] | None = None,
) -> dict[str, str]:
    """What a texture was made of, for the metadata; all that ``impasto rerun`` needs."""
    return {
        **describe_sources(NOISE, styles, shares),
        "made as": "tileable texture" if tileable else "texture",
        "canvas": f"{size[1]}x{size[0]}",
    }


def reconstruction_sources(image: str | Path | Image.Image, kind: str) -> dict[str, str]:
    """What a reconstruction was made of: ``content``, ``style`` or ``figure``."""
    return {**describe_sources(image, [], None), "made as": f"{kind} reconstruction"}


@dataclass(frozen=True)
class Stylized(Savable):
    """A picture painted in one pass.

    Attributes:
        tensor: (1, 3, H, W), RGB, sRGB in [0, 1]; uint8 for very large pictures.
        alpha: (1, 1, H, W), the content's opacity, or None.
        seconds: Painting took.
        described: How it was made, see :func:`describe`.
    """

    tensor: Tensor = field(repr=False)
    alpha: Tensor | None = field(repr=False)
    seconds: float
    described: Mapping[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, str]:
        """What goes into the picture's file."""
        return {**self.described, **costs(self.seconds)}


def describe(
    content: str,
    styles: Mapping[str, float],
    options: Mapping[str, Any],
    *,
    regions: Sequence[str] = (),
) -> dict[str, str]:
    """How a picture was made, for its metadata: what ``impasto rerun`` makes it again from."""
    from impasto import __version__

    told = {k: v for k, v in options.items() if isinstance(v, (str, int, float, Path))}
    described = {
        "impasto": __version__,
        "content": content,
        "style": json.dumps(dict(styles), ensure_ascii=False),
        "stylize": json.dumps(told, ensure_ascii=False, default=str),
    }
    if regions:
        described["regions"] = json.dumps(list(regions), ensure_ascii=False)
    return described
