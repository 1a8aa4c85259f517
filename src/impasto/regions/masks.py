"""Regions: which part of the photograph is painted after which part of a style picture.

A mask is a tensor (1, R, H, W) float32 in [0, 1], one plane per region; at a layer, its planes are
the weight maps of the style statistics. After Gatys et al. 2017 (arXiv:1611.07865, §4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.encoders.vgg import Encoder, minimum_side
from impasto.errors import InputDataError, OptionError, unknown_name

ASPECT_TOLERANCE = 0.02
"""How far the aspect ratios of a mask and its picture may differ."""

INSIDE_TOLERANCE = 0.05
"""Least share of its region's highest value that a unit inside has: JPEG's black is not quite 0."""

_LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class RegionSpec:
    """One region as the user names it."""

    name: str
    content_mask: Path  # where it lies in the photograph
    style_mask: Path | None = None  # where its style lies; None for all of the style picture
    style: Path | None = None  # the style picture of it alone; None for the common one
    keep: bool = False  # whether it is left as the photograph; then it has no style


# A drive is one letter, a colon and a slash: no other colon and no @ belongs to a path.
_PATH = r"\s*((?:[A-Za-z]:(?=[\\/]))?[^:@]*[^:@\s])\s*"
_REGION = re.compile(rf"\s*([^=]*[^=\s])\s*={_PATH}(?:@{_PATH})?(?::{_PATH})?")


def parse_region(text: str) -> RegionSpec:
    r"""A region from ``name=content mask``, then ``@style picture``, then ``:style mask``.

    ``sky=c.png:s.png`` paints the part of the photograph that is white in ``c.png`` after the part
    of the style picture that is white in ``s.png``; ``sky=c.png@monet.jpg`` after all of
    ``monet.jpg`` (or, in one pass, in a style of that name that the model knows),
    ``sky=c.png@monet.jpg:s.png`` after a part of it; ``face=c.png``, or
    ``face=c.png@content``, leaves the part as it is. A path may begin with a drive (``C:\c.png``)
    and otherwise holds no ``:`` and no ``@``; so ``c:/s.png`` is one file, on drive C.

    Raises:
        OptionError: For any other text.
    """
    if found := _REGION.fullmatch(text):
        name, content, style, style_mask = found.groups()
        if style in (None, "content") and not style_mask:
            return RegionSpec(name, Path(content), keep=True)
        if style != "content":
            area, picture = (Path(path) if path else None for path in (style_mask, style))
            return RegionSpec(name, Path(content), area, picture)
    raise OptionError(
        f"The region '{text}' cannot be read: write it like sky=c.png:s.png, sky=c.png@monet.jpg, "
        "sky=c.png@monet.jpg:s.png, or face=c.png to keep the photograph there."
    )


def read_grey_mask(
    path: str | Path,
    size: tuple[int, int],
    *,
    feather: float = 0.0,
    max_pixels: int = images.MAX_PIXELS,
) -> tuple[Tensor, list[str]]:
    """The mask of one region from a grey picture: white belongs to it, black does not.

    Args:
        path: Any picture file; its alpha is ignored, and of colours the luma counts.
        size: Height and width of the picture that it is a mask of.
        feather: Standard deviation of the blur of its edges, in pixels of that picture.
        max_pixels: Refuse larger files.

    Returns:
        (1, 1, H, W) in [0, 1]; and notices for the user, a sentence each.

    Raises:
        ImageError: If the file is no picture.
        InputDataError: If it is black everywhere, or has another aspect ratio than the picture.
        OptionError: If ``feather`` is negative or beyond the longer side.
    """
    picture = images.read(path, max_pixels=max_pixels).tensor
    notices = check_aspect(path, picture, size)
    grey = (picture * picture.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    if not grey.any():
        raise InputDataError(
            f"The mask {path} is black everywhere: paint its region white (alpha is ignored)."
        )
    return _blurred(resize_masks(grey, size), feather), notices


def check_aspect(path: str | Path, picture: Tensor, size: tuple[int, int]) -> list[str]:
    """A notice if the mask has another size than its picture.

    Args:
        path: Of the mask.
        picture: The mask, (1, 3, H', W').
        size: Height and width of its picture.

    Raises:
        InputDataError: If it has another shape.
    """
    height, width = picture.shape[-2:]
    if (height, width) == size:
        return []
    sizes = f"The mask {path} has {width}×{height} px and its picture {size[1]}×{size[0]} px"
    ratio = (width * size[0]) / (height * size[1])
    if max(ratio, 1 / ratio) > 1 + ASPECT_TOLERANCE:
        raise InputDataError(f"{sizes}, another shape: crop or save the mask with the same.")
    return [f"{sizes}: it was rescaled."]


def resize_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks (1, R, H, W) of another height and width; planes that sum to one still do."""
    if masks.shape[-2:] == size:
        return masks
    # Linear, where pictures are resized by cubics: those overshoot at edges.
    return F.interpolate(masks, size, mode="bilinear", antialias=True).clamp(0, 1)


def feather(masks: Tensor, radius: float) -> Tensor:
    """Masks with soft edges: blurred, and scaled down where regions then sum to more than one.

    Args:
        masks: (1, R, H, W) in [0, 1].
        radius: Standard deviation of the Gaussian in pixels; 0 does not blur.

    Raises:
        OptionError: If the radius is negative, no number, or beyond the longer side.
    """
    blurred = _blurred(masks, radius)
    return blurred / blurred.sum(1, keepdim=True).clamp_min(1)


def _blurred(masks: Tensor, radius: float) -> Tensor:
    longest = max(masks.shape[-2:])
    if not 0 <= radius <= longest:
        raise OptionError(f"The feather radius is {radius} px: choose 0 to {longest} here.")
    if radius < 0.1:  # a neighbour counts less than float32 can tell
        return masks
    reach = math.ceil(3 * radius)
    steps = torch.arange(-reach, reach + 1, dtype=masks.dtype, device=masks.device)
    kernel = (-((steps / radius) ** 2) / 2).softmax(0).view(1, 1, 1, -1)
    planes = masks.transpose(0, 1)  # (R, 1, H, W)
    for _ in range(2):
        # Reflected at both borders as often as the reach needs, where F.pad does so but once.
        last = planes.shape[-1] - 1
        places = torch.arange(-reach, last + reach + 1, device=masks.device) % max(1, 2 * last)
        planes = F.conv2d(planes[..., torch.minimum(places, 2 * last - places)], kernel).mT
    return planes.transpose(0, 1).clamp(0, 1)


def check_masks(masks: Tensor, size: tuple[int, int]) -> None:
    """Checks that masks can weigh the features of a picture of the height and width ``size``.

    Raises:
        OptionError: If they are not (1, R, H, W), finite and ≥ 0, or a plane is zero everywhere.
    """
    if masks.ndim != 4 or masks.shape != (1, max(1, masks.shape[1]), *size):
        raise OptionError(
            f"The masks of a picture of {size[1]}×{size[0]} px have the shape "
            f"(1, R, {size[0]}, {size[1]}), not {tuple(masks.shape)}."
        )
    if masks.isnan().any():
        raise OptionError("The masks hold values that are no numbers (NaN).")
    if not masks.isfinite().all():
        raise OptionError("The masks hold infinite values.")
    if masks.min() < 0:
        raise OptionError(f"The masks go down to {masks.min().item():g}: 0 is the least allowed.")
    for index, plane in enumerate(masks[0], 1):
        if not plane.any():
            raise OptionError(f"Mask {index} of {masks.shape[1]} is zero everywhere.")


@dataclass(frozen=True)
class Mode:
    """A way of carrying masks to a layer: what each step of the encoder does to them."""

    convolution: Callable[[Tensor], Tensor]  # (1, R, H, W) → the same, for each 3×3 convolution
    pooling: Callable[[Tensor], Tensor]  # (1, R, H, W) → (1, R, H // 2, W // 2)
    about: str
    least: float = 0.0  # share of a plane's highest value below which a unit counts nothing


MODES: Mapping[str, Mode] = {
    "simple": Mode(
        convolution=lambda masks: masks,
        pooling=lambda masks: F.avg_pool2d(masks, 2),
        about="how much of a unit's own square of pixels is in the region",
    ),
    "inside": Mode(  # beyond the border all is as within
        convolution=lambda masks: -F.max_pool2d(-masks, 3, stride=1, padding=1),
        pooling=lambda masks: -F.max_pool2d(-masks, 2),
        about="only units that see nothing but the region (eroded channels, Gatys et al. 2017, §4)",
        least=INSIDE_TOLERANCE,
    ),
    "propagated": Mode(
        convolution=lambda masks: F.avg_pool2d(masks, 3, 1, 1, count_include_pad=False),
        pooling=lambda masks: F.avg_pool2d(masks, 2),
        about="how much of all that a unit sees is in the region, its middle counting most",
    ),
}
"""How masks are carried to a layer, by name."""


def layer_masks(
    masks: Tensor, encoder: Encoder, layers: Iterable[str], mode: str = "simple"
) -> dict[str, Tensor]:
    """The masks as weights of the units of each layer, by the layer's own geometry.

    No plane is ever empty: one that a mode empties at a layer (deep units see more than a small
    region) is made by ``"simple"`` there, and one that lay in the rim that poolings cut off, by
    area averages over the whole picture.

    Args:
        masks: (1, R, H, W), as :func:`check_masks` wants them.
        encoder: Whose layers they are; its weights do not matter.
        layers: Names of layers, in any order.
        mode: One of ``MODES``. With ``"simple"`` and ``"propagated"``, planes that sum to one do so
            still; with ``"inside"``, units at a boundary belong to no region.

    Returns:
        Layer name → (1, R, H', W') with the size of the layer's features, shallow to deep.

    Raises:
        OptionError: For an unknown mode or layer, unsound masks, or masks too small for a layer.
    """
    if mode not in MODES:
        raise unknown_name("mask mode", mode, MODES)
    wanted = encoder.check_layers(layers)
    height, width = masks.shape[-2:]
    check_masks(masks, (height, width))
    least = minimum_side(wanted, encoder)
    if min(height, width) < least:
        raise OptionError(f"Masks of {width}×{height} px are too small: {least} px are needed.")
    simple = _carried(masks, encoder, wanted, MODES["simple"])
    carried = _carried(masks, encoder, wanted, MODES[mode])
    for name, planes in carried.items():
        area = F.adaptive_avg_pool2d(masks, (planes.shape[-2], planes.shape[-1]))
        carried[name] = _filled(planes, _filled(simple[name], area))
    return carried


def _filled(planes: Tensor, others: Tensor) -> Tensor:
    return torch.where(planes.amax((2, 3), keepdim=True) > 0, planes, others)


def _carried(
    masks: Tensor, encoder: Encoder, wanted: frozenset[str], mode: Mode
) -> dict[str, Tensor]:
    """The masks at each layer wanted; some planes may be empty."""
    least = mode.least * masks.amax((2, 3), keepdim=True)
    carried: dict[str, Tensor] = {}
    for name in encoder.layers:
        if len(carried) == len(wanted):
            break
        if name.startswith("conv"):
            masks = mode.convolution(masks)
        elif name.startswith("pool"):
            masks = mode.pooling(masks)
        if name in wanted:
            carried[name] = masks.where(masks >= least, 0)
    return carried


def visible(
    picture: Tensor, alpha: Tensor | None, where: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """A style picture without what cannot be seen of it, and how much each of its pixels counts.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        alpha: (1, 1, H, W), its opacity; None if it is opaque.
        where: (1, 1, H', W') ≥ 0 of any size, which part of it is wanted; None for all.

    Returns:
        The picture with invisible colours replaced by the mean of the visible, which the features
        beside them then see; and the weights, None if all count alike. A picture of which nothing
        can be seen is taken as if it were opaque.
    """
    if alpha is None or not alpha.any():
        return picture, where
    mean = (picture * alpha).sum((2, 3), keepdim=True) / alpha.sum((2, 3), keepdim=True)
    seen = torch.lerp(mean, picture, alpha)
    if where is None:
        return seen, alpha
    return seen, alpha * resize_masks(where, (alpha.shape[-2], alpha.shape[-1]))
