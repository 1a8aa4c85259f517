"""Masks: grey pictures of regions, and their weight maps at the layers of an encoder.

Masks are a tensor (1, R, H, W), float32 in [0, 1], one plane per region. At a layer its planes are
the weight maps of the style statistics (Gatys et al. 2017, arXiv:1611.07865, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import images
from impasto.encoders.protocol import FeatureExtractor
from impasto.errors import InputDataError, OptionError, unknown_name
from impasto.images.picture import PictureLike, as_float, as_uint8, match_dtype
from impasto.images.resampling import antialiased
from impasto.regions.specs import RegionSpec as RegionSpec
from impasto.regions.specs import parse_region as parse_region
from impasto.runtime.devices import on_cpu_if_missing
from impasto.runtime.in_memory import name_of
from impasto.runtime.strips import strips

ASPECT_TOLERANCE = 0.02
"""Relative difference allowed between the aspect ratios of a mask and its picture."""

INSIDE_TOLERANCE = 0.05
"""Positions below this fraction of a mask's maximum are outside: black is not quite 0 in a JPEG."""

_LUMA = (0.2126, 0.7152, 0.0722)

_WHOLE = 0.999
"""Above it everywhere, a mask is said to be white."""


def read_grey_mask(
    source: PictureLike,
    size: tuple[int, int],
    *,
    feather: float = 0.0,
    max_pixels: int = images.MAX_PIXELS,
    file_size: tuple[int, int] | None = None,
    as_levels: bool = False,
) -> tuple[Tensor, list[str]]:
    """The mask of one region from a grey picture: white is inside, black is outside.

    Args:
        source: Picture; colours are converted to luma, and transparent parts are outside.
        size: Height and width of the masked picture.
        feather: Standard deviation of the blur of the edges, in pixels of that picture.
        max_pixels: Larger files are refused.
        file_size: Height and width of the masked picture's file.
        as_levels: Whether to return uint8, a quarter of the memory.

    Returns:
        (1, 1, H, W) in [0, 1], or in 255ths as uint8, and notices for the user, one sentence each.

    Raises:
        ImageError: If the file is not a picture.
        InputDataError: If it is black everywhere, or has another aspect ratio than the picture.
        OptionError: If ``feather`` is negative or more than the longer side.
    """
    read = images.read(source, max_pixels=max_pixels, bytes_from=0 if as_levels else math.inf)
    path = name_of(source)
    notices = check_aspect(path, read.tensor, size, file_size=file_size)
    grey, alpha = _luma(read.tensor, as_levels=as_levels), read.alpha
    del read
    if alpha is not None:
        grey = match_dtype(as_float(grey) * alpha, grey)
    if not grey.any():
        where = "black everywhere" if alpha is None else "black wherever it is visible"
        raise InputDataError(f"The mask {path} is {where}: paint its region white.")
    if grey.min() > (_WHOLE * 255 if as_levels else _WHOLE):
        notices.append(f"The mask {path} is white everywhere: its region is the whole picture.")
    if grey.shape[-2:] == size and not feather:
        return grey, notices
    return match_dtype(_blurred(resize_masks(as_float(grey), size), feather), grey), notices


def _luma(picture: Tensor, *, as_levels: bool) -> Tensor:
    """The brightness (1, 1, H, W) of a picture (1, 3, H, W), in floats or in 255ths."""
    grey = torch.empty_like(picture[:, :1], dtype=torch.uint8 if as_levels else picture.dtype)
    factors = torch.tensor(_LUMA).view(1, 3, 1, 1)
    for rows, part in strips(grey, picture):
        rows.copy_(match_dtype((as_float(part) * factors).sum(1, keepdim=True), rows))
    return grey


def check_aspect(
    path: str,
    picture: Tensor,
    size: tuple[int, int],
    *,
    file_size: tuple[int, int] | None = None,
) -> list[str]:
    """Check the aspect ratio of a mask; return a notice if it is nearly that of its picture.

    A mask of the same shape may have any size.

    Args:
        path: Of the mask, or what it is called.
        picture: The mask, (1, 3, H', W').
        size: Height and width of its picture.
        file_size: Those of the file of its picture, before it was resized.

    Raises:
        InputDataError: If the aspect ratios differ.
    """
    height, width = picture.shape[-2:]
    full_height, full_width = file_size or size
    sizes = f"The mask {path} has {width}×{height} px and its picture {full_width}×{full_height} px"
    ratio = (width * full_height) / (height * full_width)
    if max(ratio, 1 / ratio) > 1 + ASPECT_TOLERANCE:
        raise InputDataError(f"{sizes}, another shape: crop or save the mask with the same.")
    if round(abs(1 - ratio) * min(height, width, full_height, full_width), 6) < 1:
        return []  # the sides of the smaller one are rounded
    return [f"{sizes}, not quite the same shape: it was stretched."]


def stacked_masks(masks: Sequence[Tensor]) -> Tensor:
    """Masks (1, 1, H, W) as (1, R, H, W); no copy if they are the first planes of one tensor."""
    whole = masks[0]._base
    if whole is not None and whole.ndim == 4 and len(whole) == 1 and whole.shape[1] >= len(masks):
        whole = whole[:, : len(masks)]
        planes = torch.split(whole, 1, dim=1)
        if all(a.data_ptr() == b.data_ptr() and a.shape == b.shape and a.dtype == b.dtype
               for a, b in zip(masks, planes, strict=True)):  # fmt: skip
            return whole
    return torch.cat(list(masks), 1)


def resize_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize masks (1, R, H, W), floats or uint8; planes that sum to one still do."""
    if masks.shape[-2:] == size:
        return masks
    if not masks.is_floating_point():  # plane by plane: floats take four times the memory
        planes = [
            as_uint8(resize_masks(as_float(plane), size)) for plane in torch.split(masks, 1, 1)
        ]
        return torch.cat(planes, 1)
    # Bilinear, since bicubic interpolation, as for pictures, overshoots at edges.
    return antialiased(masks, size, "bilinear").clamp(0, 1)


def feather(masks: Tensor, radius: float) -> Tensor:
    """Blur the edges of masks, and scale them down where they then sum to more than one.

    Args:
        masks: (1, R, H, W) in [0, 1].
        radius: Standard deviation of the Gaussian in pixels; 0 leaves the masks as they are.

    Raises:
        OptionError: If the radius is negative, NaN, or more than the longer side.
    """
    blurred = _blurred(masks, radius)
    return blurred / blurred.sum(1, keepdim=True).clamp_min(1)


def _blurred(masks: Tensor, radius: float) -> Tensor:
    longest = max(masks.shape[-2:])
    if not 0 <= radius <= longest:
        raise OptionError(f"The feather radius is {radius} px: choose 0 to {longest} here.")
    if radius < 0.1:  # the weight of a neighbour is below the resolution of float32
        return masks
    reach = math.ceil(3 * radius)
    steps = torch.arange(-reach, reach + 1, dtype=masks.dtype, device=masks.device)
    kernel = (-((steps / radius) ** 2) / 2).softmax(0).view(1, 1, 1, -1)
    planes = masks.transpose(0, 1)  # (R, 1, H, W)
    for _ in range(2):
        # Reflected at both borders repeatedly, as the reach requires; F.pad reflects only once.
        last = planes.shape[-1] - 1
        columns = torch.arange(-reach, last + reach + 1, device=masks.device) % max(1, 2 * last)
        planes = F.conv2d(planes[..., torch.minimum(columns, 2 * last - columns)], kernel).mT
    return planes.transpose(0, 1).clamp(0, 1)


def check_masks(masks: Tensor, size: tuple[int, int]) -> None:
    """Check that masks can be weight maps of a picture of height and width ``size``.

    Raises:
        OptionError: Unless they are (1, R, H, W), finite, ≥ 0, and no plane is zero everywhere.
    """
    if masks.ndim != 4 or masks.shape != (1, max(1, masks.shape[1]), *size):
        raise OptionError(
            f"The masks of a picture of {size[1]}×{size[0]} px have the shape "
            f"(1, R, {size[0]}, {size[1]}), not {tuple(masks.shape)}."
        )
    if masks.is_floating_point() and masks.isnan().any():
        raise OptionError("The masks hold values that are no numbers (NaN).")
    if masks.is_floating_point() and not masks.isfinite().all():
        raise OptionError("The masks hold infinite values.")
    if masks.min() < 0:
        raise OptionError(f"The masks go down to {masks.min().item():g}: 0 is the least allowed.")
    for index, plane in enumerate(masks[0], 1):
        if not plane.any():
            raise OptionError(f"Mask {index} of {masks.shape[1]} is zero everywhere.")


@dataclass(frozen=True)
class MaskMode:
    """How masks are propagated through the layers of an encoder."""

    convolution: Callable[[Tensor], Tensor]  # (1, R, H, W) → the same shape, per 3×3 convolution
    pooling: Callable[[Tensor], Tensor]  # (1, R, H, W) → (1, R, H // 2, W // 2)
    about: str
    threshold: float = 0.0  # values below this fraction of a plane's maximum are set to 0


MASK_MODES: Mapping[str, MaskMode] = {
    "simple": MaskMode(
        convolution=lambda masks: masks,
        pooling=lambda masks: F.avg_pool2d(masks, 2),
        about="how much of a unit's own square of pixels is in the region",
    ),
    "inside": MaskMode(  # the border does not count as outside
        convolution=lambda masks: -F.max_pool2d(-masks, 3, stride=1, padding=1),
        pooling=lambda masks: -F.max_pool2d(-masks, 2),
        about="only units that see nothing but the region (eroded channels, Gatys et al. 2017, §4)",
        threshold=INSIDE_TOLERANCE,
    ),
    "propagated": MaskMode(
        convolution=lambda masks: F.avg_pool2d(masks, 3, 1, 1, count_include_pad=False),
        pooling=lambda masks: F.avg_pool2d(masks, 2),
        about="how much of all that a unit sees is in the region, its middle counting most",
    ),
}
"""The mask modes by name."""


def layer_masks(
    masks: Tensor, encoder: FeatureExtractor, layers: Iterable[str], mode: str = "simple"
) -> dict[str, Tensor]:
    """The weight maps of masks at each layer, from the geometry of the encoder.

    No plane is ever empty. A plane that the mode empties at a layer (deep layers see more than a
    small region) is replaced by that of ``"simple"``. If that is empty as well, since the region
    lies in the border cut off by poolings, it is replaced by an area average of the whole mask.

    Args:
        masks: (1, R, H, W), as :func:`check_masks` requires.
        encoder: With a known geometry; its weights do not matter.
        layers: Layer names in any order.
        mode: One of ``MASK_MODES``. With ``"simple"`` and ``"propagated"``, planes that sum to one
            still do; with ``"inside"``, positions at a boundary belong to no region.

    Returns:
        Layer name → (1, R, H', W') of the layer's size, shallow to deep.

    Raises:
        OptionError: For an unknown mode or layer, invalid masks, or masks too small for a layer.
    """
    if mode not in MASK_MODES:
        raise unknown_name("mask mode", mode, MASK_MODES)
    names = encoder.check_layers(layers)
    height, width = masks.shape[-2:]
    check_masks(masks, (height, width))
    minimum = encoder.minimum_side(names)
    if min(height, width) < minimum:
        raise OptionError(f"Masks of {width}×{height} px are too small: {minimum} px are needed.")
    simple = _propagate(masks, encoder, names, MASK_MODES["simple"])
    maps = _propagate(masks, encoder, names, MASK_MODES[mode])
    for name, planes in maps.items():
        size = planes.shape[-2], planes.shape[-1]
        area = on_cpu_if_missing(F.adaptive_avg_pool2d, masks, output_size=size)
        maps[name] = _replace_empty(planes, _replace_empty(simple[name], area))
    return maps


def _replace_empty(planes: Tensor, replacements: Tensor) -> Tensor:
    return torch.where(planes.amax((2, 3), keepdim=True) > 0, planes, replacements)


def _propagate(
    masks: Tensor, encoder: FeatureExtractor, names: frozenset[str], mode: MaskMode
) -> dict[str, Tensor]:
    """The masks at each of these layers; some planes may be empty."""
    threshold = mode.threshold * masks.amax((2, 3), keepdim=True)
    maps: dict[str, Tensor] = {}
    for name in encoder.layers:
        if len(maps) == len(names):
            break
        if name.startswith("conv"):
            masks = mode.convolution(masks)
        elif name.startswith("pool"):
            masks = mode.pooling(masks)
        if name in names:
            maps[name] = masks.where(masks >= threshold, 0)
    return maps


def visible(
    picture: Tensor, alpha: Tensor | None, mask: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """A style picture without its transparent colours, and the weights of its pixels.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        alpha: Opacity, (1, 1, H, W); None if opaque.
        mask: The part of it that counts, (1, 1, H', W') ≥ 0 of any size; None for all.

    Returns:
        The picture, in which transparent colours are blended with the mean of the visible ones,
        since neighbouring features see them; and the weights, None if all are equal. A picture that
        is transparent everywhere is treated as opaque.
    """
    if alpha is None or not alpha.any():
        return picture, mask
    mean = (picture * alpha).sum((2, 3), keepdim=True) / alpha.sum((2, 3), keepdim=True)
    blended = torch.lerp(mean, picture, alpha)
    if mask is None:
        return blended, alpha
    return blended, alpha * resize_masks(mask, (alpha.shape[-2], alpha.shape[-1]))
