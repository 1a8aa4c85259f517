"""Results: pictures that were made, with the request that made them."""

from __future__ import annotations

import csv
import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.images.source_info import SourceInfo
from impasto.jobs.existing import provenance_of, provenance_of_saving
from impasto.jobs.provenance import costs
from impasto.jobs.request_json import KEY, to_json
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.video_request import AnyRequest
from impasto.optim.loop import Step
from impasto.recipes.recipe import Recipe
from impasto.runtime.files import atomic_write
from impasto.runtime.text_files import open_table

Row = dict[str, float]
"""One step in the loss history: stage, step, height, width, seconds, loss and every term."""

NOT_LOSSES = ("stage", "step", "height", "width", "seconds")
"""Columns of a row that are no losses."""


@dataclass(frozen=True)
class Result:
    """A picture that was made.

    Attributes:
        tensor: (1, 3, H, W), RGB, sRGB in [0, 1]; uint8 for very large one-pass pictures.
        alpha: (1, 1, H, W), the content's opacity, or None.
        request: What was asked for.
        seconds: How long it took.
        losses: One row a step; none for one pass.
        peak_bytes: The most memory that the process held, if that was measured.
        is_finished: Whether all the work was done.
        notes: Further lines for the picture's metadata.
        source: What the content's file says beside its pixels, if there is one.
        sources: Digests of the files that were read, from before they were; None: those of now.
    """

    tensor: Tensor = field(repr=False)
    alpha: Tensor | None = field(repr=False)
    request: AnyRequest
    seconds: float
    losses: list[Row] = field(default_factory=list, repr=False)
    peak_bytes: float | None = None
    is_finished: bool = True
    notes: Mapping[str, str] = field(default_factory=dict)
    source: SourceInfo | None = field(default=None, repr=False)
    sources: str | None = field(default=None, repr=False)

    @property
    def recipe(self) -> Recipe:
        """How it was painted.

        Raises:
            AttributeError: For a picture made in one pass, which has no recipe.
        """
        recipe = None if isinstance(self.request, StylizeRequest) else self.request.recipe
        if recipe is None:
            raise AttributeError("A picture made in one pass has no recipe, see its request.")
        return recipe

    @property
    def image(self) -> Image.Image:
        """The picture as a Pillow image, RGB or RGBA."""
        return images.to_pil(self.tensor, self.alpha)

    def save(
        self,
        path: str | Path,
        *,
        quality: int = 95,
        depth: int = 8,
        metadata: str = "strip",
        is_timed: bool = True,
    ) -> Path:
        """Write the picture in the format of the extension, with its request in the metadata.

        Args:
            path: The file to write.
            quality: Of JPEG and WebP, 1 to 100.
            depth: Bits a sample: 8, or 16 in PNG and TIFF.
            metadata: What becomes of the photograph's own metadata. ``"strip"``: nothing is
                written; ``"keep"``: EXIF, author, copyright and resolution, but not where it was
                taken; ``"keep-location"``: that, too.
            is_timed: Whether the metadata say how long it took. Without that, the same request
                gives the same bytes.

        Raises:
            ImageError: If it cannot be written there.
            OptionError: For a quality, depth or metadata that is not allowed.
        """
        return images.write(
            path,
            self.tensor,
            alpha=self.alpha,
            quality=quality,
            depth=depth,
            metadata=self.metadata(is_timed=is_timed) | provenance_of_saving(depth, metadata),
            source=self.source,
            source_metadata=metadata,
        )

    def metadata(self, *, is_timed: bool = True) -> dict[str, str]:
        """What goes into the picture's file: request, versions, and time and memory if timed."""
        return {
            **describe_request(self.request),
            **provenance_of(self.request, self.sources, is_finished=self.is_finished),
            **(costs(self.seconds, self.peak_bytes) if is_timed else {}),
            **self.notes,
        }

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        stream = io.BytesIO()
        self.image.save(stream, "PNG")
        return stream.getvalue()


def describe_request(request: AnyRequest) -> dict[str, str]:
    """The metadata of a picture that a request makes: the request itself, and versions."""
    from impasto import __version__

    return {
        "impasto": __version__,
        KEY: to_json(request),
        "made with": f"torch {torch.__version__}, Python {platform.python_version()}",
    }


def as_row(step: Step, *, seconds_before: float = 0.0) -> Row:
    """A step as one row of the loss history.

    Args:
        step: Of a painter.
        seconds_before: That earlier runs took which this one goes on from.
    """
    height, width = step.size
    return {
        "stage": step.stage + 1,
        "step": step.step,
        "height": height,
        "width": width,
        "seconds": round(seconds_before + step.seconds, 3),
        "loss": step.loss,
        **step.losses,
    }


def losses_of(entry: Row) -> dict[str, float]:
    """The losses of a row: the sum, as ``loss``, and every weighted term."""
    return {name: value for name, value in entry.items() if name not in NOT_LOSSES}


def write_losses(path: str | Path, rows: Sequence[Row]) -> None:
    """Write a loss history as CSV, atomically."""
    columns = list(dict.fromkeys(name for entry in rows for name in entry))
    with atomic_write(Path(path)) as temporary, open_table(temporary, "w") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
