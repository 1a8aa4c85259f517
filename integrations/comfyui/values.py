"""What flows between the nodes: ComfyUI's pictures and masks, styles, regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

import impasto

Style = tuple[impasto.StyleInput, ...]
"""A style, or several with their weights."""


@dataclass(frozen=True, eq=False)
class Region:
    """A part of the picture, for every picture of a batch.

    Attributes:
        name: Of the region.
        mask: (B, H, W) in [0, 1]; 1 is inside.
        style: What it is painted in; empty for the photograph, or for a part of the common style.
        style_mask: (B, H, W), the part of the style picture that counts; None for all of it.
    """

    name: str
    mask: Tensor
    style: Style = ()
    style_mask: Tensor | None = None

    def spec(self, index: int) -> impasto.RegionSpec:
        """The region in picture ``index`` of the batch."""
        mask = None if self.style_mask is None else as_picture(self.style_mask[:1])
        return impasto.RegionSpec(
            self.name,
            as_picture(of_batch(self.mask, index)),
            mask,
            self.style[0].source if self.style else None,
            keep=not self.style and mask is None,
        )


def pictures(images: Tensor) -> Iterator[impasto.Picture]:
    """The pictures of an IMAGE (B, H, W, 3 or 4), floats in [0, 1]."""
    for index in range(len(images)):
        yield as_picture(of_batch(images, index))


def as_picture(pixels: Tensor) -> impasto.Picture:
    """One IMAGE (1, H, W, C) or MASK (1, H, W) as a picture.

    ComfyUI runs nodes in inference mode, whose tensors cannot take part in an optimization. So the
    pixels are copied, which has to happen outside of that mode.
    """
    channels_first = pixels.movedim(-1, 1) if pixels.ndim == 4 else pixels[:, None]
    # Upscalers and blends leave the range by a little; 0 and 1 are what is shown then.
    copy = channels_first.float().clamp(0, 1).clone(memory_format=torch.contiguous_format)
    return impasto.read_image(copy)


def of_batch(values: Tensor, index: int) -> Tensor:
    """Value ``index`` of a batch, as a batch of one; the last for those beyond it."""
    if values.ndim == 2:  # some nodes give one MASK without a batch
        values = values[None]
    index = min(index, len(values) - 1)
    return values[index : index + 1]


def as_image(result: impasto.Result) -> Tensor:
    """The picture of a result as an IMAGE (1, H, W, 3), or (1, H, W, 4) if it is transparent."""
    pixels = result.tensor
    pixels = pixels / 255 if pixels.dtype == torch.uint8 else pixels.float()
    if result.alpha is not None:
        pixels = torch.cat([pixels, result.alpha.to(pixels)], dim=1)
    return pixels.movedim(1, -1).cpu().contiguous()


def mixed(parts: list[tuple[Style, float]]) -> Style:
    """Styles mixed by their weights; mixtures keep their proportions within their share.

    Raises:
        ValueError: If no weight is above 0.
    """
    styles = []
    for style, weight in parts:
        total = sum(part.weight or 1.0 for part in style)
        for part in style:
            share = weight * (part.weight or 1.0) / total
            if share > 0:
                styles.append(impasto.StyleInput(part.source, share, part.level))
    if not styles:
        raise ValueError("All weights of the mixture are 0: give at least one style a weight.")
    return tuple(styles)
