"""Frames of PyAV as tensors, and tensors as frames of PyAV."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.video.colours import FULL, RGB, UNSPECIFIED, Coding, from_srgb, to_srgb

_ALPHA = ("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya", "pal8")


def coding_of(frame: Any, context: Any) -> Coding:
    """What a frame of PyAV, or else its decoder, says about its colours; not completed."""
    name = frame.format.name
    is_rgb = bool(frame.format.is_rgb) or name == "pal8"
    return Coding(
        matrix=RGB if is_rgb else _known(frame.colorspace),
        primaries=_known(_said(frame, context, "color_primaries")),
        transfer=_known(_said(frame, context, "color_trc")),
        is_full=is_rgb or name.startswith("yuvj") or frame.color_range == FULL,
        depth=_depth(frame.format),
    )


def picture_of(frame: Any, coding: Coding) -> tuple[Tensor, Tensor | None]:
    """The picture (1, 3, H, W) of a frame of PyAV, sRGB in [0, 1], and its opacity (1, 1, H, W).

    Args:
        frame: As it was decoded.
        coding: What its numbers mean; completed.
    """
    has_alpha = frame.format.name.startswith(_ALPHA)
    wide = coding.depth > 8
    if coding.matrix == RGB:
        names = ("gbrap", "gbrap12le") if has_alpha else ("gbrp", "gbrp12le")
    elif frame.format.name.startswith("gray"):
        names = ("gray", "gray12le")
    else:
        shape = (
            "420"
            if "420" in frame.format.name or frame.format.name in ("nv12", "nv21")
            else ("422" if "422" in frame.format.name or "yuyv" in frame.format.name else "444")
        )
        kind = "yuva" if has_alpha else "yuv"
        names = (f"{kind}{shape}p", f"{kind}{shape}p12le")
    native = frame.format.name.replace("yuvj", "yuv")
    if native not in names:
        allowed = (f"{names[0]}10le", names[1]) if wide else names
        if native not in allowed:
            frame = frame.reformat(format=names[wide])
    own = dataclasses.replace(coding, depth=_depth(frame.format))
    planes = [_plane(frame, index, own.depth) for index in range(len(frame.planes))]
    if frame.format.name.startswith("gray"):
        middle = torch.full_like(planes[0], 2.0 ** (own.depth - 1))
        planes = [planes[0], middle, middle]
    alpha = None
    if has_alpha:
        alpha = (planes[3] / (2**own.depth - 1))[None, None]
    return to_srgb((planes[0], planes[1], planes[2]), own), alpha


def frame_of(av: Any, picture: Tensor, name: str, coding: Coding) -> Any:
    """A frame of PyAV of a picture (1, 3, H, W), tagged with its coding.

    Args:
        av: The module.
        picture: sRGB in [0, 1]; its sides are multiples of the format's subsampling.
        name: Pixel format: planar Y'CbCr or RGB.
        coding: What its numbers are to mean.
    """
    height, width = picture.shape[-2:]
    frame = av.VideoFrame(width, height, name)
    components = frame.format.components
    subsampling = (-(-height // components[1].height), -(-width // components[1].width))
    planes = from_srgb(picture.cpu(), coding, subsampling=subsampling)
    for index, values in enumerate(planes):
        fill_plane(frame.planes[index], values.numpy(), coding.depth)
    frame.colorspace, frame.color_range = coding.matrix, FULL if coding.is_full else 1
    if hasattr(frame, "color_primaries"):  # since PyAV 17; the encoder is told, too
        frame.color_primaries, frame.color_trc = coding.primaries, coding.transfer
    return frame


def fill_plane(plane: Any, values: np.ndarray[Any, Any], depth: int) -> None:
    """Write whole levels (h, w) into a plane."""
    dtype = np.dtype(np.uint8 if depth == 8 else "<u2")
    rows = np.zeros((plane.height, plane.line_size // dtype.itemsize), dtype)
    rows[:, : values.shape[1]] = values
    plane.update(rows)


def _plane(frame: Any, index: int, depth: int) -> Tensor:
    """A plane (h, w) as floats."""
    plane = frame.planes[index]
    dtype = np.dtype(np.uint8 if depth == 8 else "<u2")
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return torch.from_numpy(rows[: plane.height, : plane.width].astype(np.float32))


def _depth(format_: Any) -> int:
    return max((component.bits for component in format_.components), default=8)


def _said(frame: Any, context: Any, name: str) -> int:
    """A code of the frame; PyAV before 17 knows some of the decoder only."""
    code = getattr(frame, name, None)
    return int(getattr(context, name, 0) or 0) if code is None else int(code)


def _known(code: int) -> int:
    """A code that says something, or 2: unspecified."""
    return int(code) if code not in (0, 3) else UNSPECIFIED
