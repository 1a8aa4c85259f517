"""Pictures in memory: NumPy arrays and torch tensors, with stated shapes and ranges.

Nothing is guessed from the values: uint8 is 0 to 255, bool is black and white, and floats are from
0 to 1. What a library gives in another form is refused, with the way to convert it.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.errors import ImageError

Pixels: TypeAlias = NDArray[Any] | Tensor

ACCEPTED = (
    "a path, a Pillow image, a NumPy array (H, W), (H, W, 3) or (H, W, 4), or a tensor (3, H, W) "
    "or (1, 3, H, W), with uint8 or with floats from 0 to 1"
)
"""What is taken for a picture, in words."""

_CHANNELS = (1, 3, 4)  # grey, RGB, RGB with alpha
_ROUNDING = 1e-4
"""Floats may be outside of [0, 1] by as much, from rounding, and are clipped."""

_ARRAY_SHAPES = "(H, W), (H, W, 3) or (H, W, 4)"
_TENSOR_SHAPES = "(3, H, W) or (1, 3, H, W)"


def convert(pixels: Pixels, name: str) -> tuple[Tensor, Tensor | None]:
    """The colours and the alpha of an array or a tensor, on its device.

    Args:
        pixels: A NumPy array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); or a tensor (H, W),
            (C, H, W) or (1, C, H, W) with 1, 3 or 4 channels. The channels are grey, or R, G, B in
            sRGB and then alpha. Numbers are uint8, bool (False is black), or floats in [0, 1].
        name: What it is, for errors, such as ``picture``.

    Returns:
        (1, 3, H, W) in [0, 1], float32, or uint8 if the pixels are; and (1, 1, H, W) float32 in
        [0, 1], or None. Neither shares memory that the caller could change.

    Raises:
        ImageError: For another shape, type or range, or NaN.
    """
    if isinstance(pixels, Tensor):
        described = f"The tensor of the {name}"
        tensor = _channels_first(pixels.detach(), described)
    else:
        described = f"The array of the {name}"
        tensor = _channels_last(pixels, described)
    tensor = _in_range(tensor, described)
    colours = tensor[:, :3] if tensor.shape[1] > 1 else tensor.expand(-1, 3, -1, -1)
    alpha = tensor[:, 3:].float() / (1 if tensor.is_floating_point() else 255)
    has_alpha = tensor.shape[1] == 4 and bool((alpha < 1).any())
    return colours.contiguous(), alpha.contiguous() if has_alpha else None


def _channels_last(array: NDArray[Any], described: str) -> Tensor:
    """An array (H, W[, C]) as (1, C, H, W), copied."""
    shape = array.shape
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in _CHANNELS):
        hint = ""
        if array.ndim == 3 and shape[0] in _CHANNELS:
            hint = ": move the channels last, array.transpose(1, 2, 0)"
        elif array.ndim == 4:
            hint = f": give one of its {shape[0]} pictures, array[0]"
        raise ImageError(
            f"{described} has the shape {shape}, and a picture has {_ARRAY_SHAPES}{hint}.",
            got=shape,
            allowed=_ARRAY_SHAPES,
        )
    if not (array.dtype in (np.uint8, np.bool_) or array.dtype.kind == "f"):
        raise _wrong_type(described, str(array.dtype))
    native = np.array(array, dtype=np.float32) if array.dtype.kind == "f" else np.array(array)
    tensor = torch.from_numpy(np.ascontiguousarray(native))
    return (tensor[..., None] if array.ndim == 2 else tensor).permute(2, 0, 1)[None]


def _channels_first(tensor: Tensor, described: str) -> Tensor:
    """A tensor ([[1,] C,] H, W) as (1, C, H, W), copied."""
    shape = tuple(tensor.shape)
    whole = tensor[(None,) * max(0, 4 - tensor.ndim)]
    if tensor.ndim not in (2, 3, 4) or whole.shape[1] not in _CHANNELS or len(whole) != 1:
        hint = ""
        if tensor.ndim == 3 and shape[2] in _CHANNELS:
            hint = ": move the channels first, tensor.permute(2, 0, 1)"
        elif tensor.ndim == 4 and shape[0] != 1 and shape[1] in _CHANNELS:
            hint = f": give one of its {shape[0]} pictures, tensor[0]"
        raise ImageError(
            f"{described} has the shape {shape}, and a picture has {_TENSOR_SHAPES}{hint}.",
            got=shape,
            allowed=_TENSOR_SHAPES,
        )
    if tensor.dtype not in (torch.uint8, torch.bool) and not tensor.is_floating_point():
        raise _wrong_type(described, str(tensor.dtype).removeprefix("torch."))
    return whole.to(torch.float32, copy=True) if tensor.is_floating_point() else whole.clone()


def _in_range(tensor: Tensor, described: str) -> Tensor:
    if tensor.shape[-1] * tensor.shape[-2] == 0:
        raise ImageError(f"{described} has no pixels, {tuple(tensor.shape[-2:])}.")
    if tensor.dtype == torch.bool:
        return tensor.to(torch.uint8) * 255
    if not tensor.is_floating_point():
        return tensor
    least, greatest = (float(value) for value in tensor.aminmax())
    if math.isnan(least) or math.isnan(greatest):
        raise ImageError(f"{described} contains NaN: a picture has floats from 0 to 1.")
    if least < -_ROUNDING or greatest > 1 + _ROUNDING:
        remedy = "scale them to that range"
        if least >= -_ROUNDING and 1.5 < greatest <= 255:
            remedy = "divide it by 255"
        elif least >= -1 - _ROUNDING and greatest <= 1 + _ROUNDING:
            remedy = "clip it, or give (x + 1) / 2 if its black is -1"
        elif greatest < 1.5 and least > -0.5:
            remedy = "clip it to that range"
        raise ImageError(
            f"{described} has values from {least:.4g} to {greatest:.4g}, and floats of a picture "
            f"are from 0 to 1: {remedy}.",
            got=(least, greatest),
            allowed=(0.0, 1.0),
        )
    return tensor.clamp_(0, 1)


def _wrong_type(described: str, dtype: str) -> ImageError:
    remedy = "divide it by its white and make it float32"
    if "64" in dtype or "32" in dtype:
        remedy = "convert levels from 0 to 255 to uint8"
    return ImageError(
        f"{described} holds {dtype}, and a picture holds uint8 or floats from 0 to 1: {remedy}.",
        got=dtype,
        allowed=("uint8", "float32"),
    )


def not_a_picture(given: object) -> ImageError:
    """The error for something that is taken for a picture and is none."""
    kind = type(given).__name__
    remedy = ""
    if hasattr(given, "read") or isinstance(given, (bytes, bytearray)):
        remedy = " Open it with PIL.Image.open first."
    return ImageError(f"{kind} is not a picture: give {ACCEPTED}.{remedy}", got=given)
