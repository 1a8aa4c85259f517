"""Pictures as tensors: read from files and Pillow images, resized, and written.

A picture is float32 sRGB in [0, 1] of shape (1, 3, H, W), with a separate alpha. Where it may be
uint8 instead, to save memory, the docstring says so.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from impasto.errors import ImageError, InputDataError, OptionError, unknown_name
from impasto.images.decoding import decode
from impasto.images.formats import FORMATS as FORMATS
from impasto.images.formats import Format
from impasto.images.icc import srgb_profile
from impasto.images.opening import OpenedFile, open_file
from impasto.images.resampling import antialiased
from impasto.runtime.files import atomic_write, check_writable
from impasto.runtime.strips import strips

MAX_PIXELS = 200_000_000
"""Default limit on the pixels read: a file of a few kilobytes can claim any size."""

MAX_ENLARGE = 4.0
"""Default limit on enlarging: beyond it there is only blur to paint."""

RESIZE_METHODS = ("antialias", "nearest")

_METADATA_KEY = "impasto"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that was read.

    Attributes:
        tensor: (1, 3, H, W) float32, sRGB in [0, 1], not premultiplied by alpha; uint8 after
            :meth:`as_uint8`.
        alpha: (1, 1, H, W) float32 in [0, 1], or None if the picture is opaque.
        path: The file that it came from, if any.
    """

    tensor: Tensor
    alpha: Tensor | None = None
    path: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.tensor.shape[-2:]
        return height, width

    def as_uint8(self) -> Picture:
        """The picture with a uint8 tensor, a quarter of the memory."""
        return replace(self, tensor=as_uint8(self.tensor))

    def to(self, device: torch.device) -> Picture:
        """The picture and its alpha on a device."""
        alpha = None if self.alpha is None else self.alpha.to(device)
        return replace(self, tensor=self.tensor.to(device), alpha=alpha)

    def resized(self, size: tuple[int, int]) -> Picture:
        """The picture and its alpha at the height and width ``size``, as floats."""
        tensor = as_float(self.tensor)
        if self.alpha is None or size == self.size:
            return replace(self, tensor=resize(tensor, size))
        # Colours are weighted by alpha: those of invisible pixels would show as a fringe.
        alpha = antialiased(self.alpha, size)
        weighted = antialiased(tensor * self.alpha, size)
        least = 1 / 255
        colours = torch.where(
            alpha >= least, weighted / alpha.clamp(min=least), antialiased(tensor, size)
        )
        return replace(self, tensor=colours.clamp(0, 1), alpha=alpha.clamp(0, 1))


def read(
    source: str | Path | Image.Image,
    *,
    long_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    max_enlarge: float = MAX_ENLARGE,
) -> Picture:
    """A picture from a file in any format that Pillow itself reads (not EPS), or a Pillow image.

    EXIF orientation is applied. Colours are converted to sRGB by the embedded profile; a broken
    profile is ignored with a warning. 16-bit grey keeps its levels. An animation yields its first
    frame.

    Args:
        source: A file or an image.
        long_side: The longer side to resize to, in pixels; None keeps the size.
        max_pixels: Limit on the pixels decoded.
        max_enlarge: Limit on the enlargement; it takes precedence over ``long_side``.

    Raises:
        ImageError: If the file is missing, not a picture, damaged or too large.
        OptionError: If ``long_side`` is below 1.
    """
    if isinstance(source, Image.Image):
        picture = from_pil(source, max_pixels=max_pixels)
    else:
        path = Path(source)
        picture = Picture(*decode(open_file(path), str(path), max_pixels), path=path)
    if long_side is None:
        return picture
    return picture.resized(fit_size(picture.size, long_side, max_enlarge=max_enlarge))


def list_pictures(folder: str | Path, *, exclude: Path | None = None) -> list[Path]:
    """All picture files below a folder, sorted by path.

    Args:
        folder: The folder to search.
        exclude: A folder within it to leave out, such as the output folder of an earlier run.

    Raises:
        InputDataError: If the folder does not exist or holds no pictures.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise InputDataError(f"There is no folder {folder}: name a folder of pictures.")
    candidates = (path for path in folder.rglob("*") if path.suffix.lower() in FORMATS)
    pictures = sorted(path for path in candidates if os.path.isfile(path))
    if not pictures:
        raise InputDataError(f"The folder {folder} holds no pictures ({', '.join(FORMATS)}).")
    if exclude is not None and folder.resolve() in exclude.resolve().parents:
        excluded = exclude.resolve()
        pictures = [path for path in pictures if excluded not in path.resolve().parents]
        if not pictures:
            raise InputDataError(f"The folder {folder} holds no pictures but those of {exclude}.")
    return pictures


def from_pil(image: Image.Image, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from a Pillow image of any mode, converted as :func:`read` converts a file.

    Raises:
        ImageError: If the image cannot be loaded, or has no pixels or too many.
    """
    return Picture(*decode(OpenedFile(image), "The given image", max_pixels))


def as_float(image: Tensor) -> Tensor:
    """A picture as floats in [0, 1]; unchanged if it is floating point already."""
    return image if image.is_floating_point() else image.float() / 255


def as_uint8(image: Tensor) -> Tensor:
    """A picture in [0, 1] as uint8, rounded and clipped; unchanged if it is uint8 already."""
    if image.dtype == torch.uint8:
        return image
    rounded = torch.empty_like(image, dtype=torch.uint8)
    for strip, target in strips(image, rounded):
        target.copy_((strip * 255).round_().clamp_(0, 255))
    return rounded


def match_dtype(image: Tensor, like: Tensor) -> Tensor:
    """A picture in [0, 1] as uint8 if ``like`` is uint8, else unchanged."""
    return image if like.is_floating_point() else as_uint8(image)


def to_pil(image: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """A Pillow image of mode RGB, or RGBA with an alpha; values are rounded to the nearest.

    Args:
        image: (1, 3, H, W), sRGB in [0, 1], clipped to that range; or uint8.
        alpha: (1, 1, H, W) in [0, 1], or None.

    Raises:
        ImageError: If a shape is wrong or a value is NaN.
    """
    parts = {3: image} if alpha is None else {3: image, 1: alpha}
    for channels, part in parts.items():
        shape = (1, channels, *image.shape[-2:])
        if part.shape != shape or part.numel() == 0:
            raise ImageError(
                f"A picture has the shape (1, 3, H, W) and its alpha (1, 1, H, W), "
                f"not {' and '.join(str(tuple(p.shape)) for p in parts.values())}."
            )
    if image.dtype == torch.uint8 and alpha is None:
        return Image.fromarray(image[0].permute(1, 2, 0).contiguous().cpu().numpy())
    parts = {n: p / 255 if p.dtype == torch.uint8 else p for n, p in parts.items()}
    floats = [part.detach().float().cpu() for part in parts.values()]
    pixels = floats[0] if alpha is None else torch.cat(floats, dim=1)
    if pixels.isnan().any():
        raise ImageError(
            "The picture contains NaN: the optimization or training that made it diverged; "
            "lower its learning rate or its weights."
        )
    return Image.fromarray(as_uint8(pixels)[0].permute(1, 2, 0).contiguous().numpy())


def resize(image: Tensor, size: tuple[int, int], *, method: str = "antialias") -> Tensor:
    """Pictures or weight maps at another size; the same tensor if the size is the same.

    Args:
        image: (B, C, H, W) float, in [0, 1] for ``"antialias"``.
        size: The new height and width, at least 1 each.
        method: One of ``RESIZE_METHODS``. ``"antialias"`` is bicubic with a low-pass filter,
            clipped to [0, 1] as it overshoots at edges; ``"nearest"`` keeps the set of values, for
            label maps.

    Raises:
        OptionError: If the method is unknown.
    """
    if method not in RESIZE_METHODS:
        raise unknown_name("resize method", method, RESIZE_METHODS)
    if image.shape[-2:] == size:
        return image
    if method == "nearest":
        return F.interpolate(image, size, mode="nearest-exact")
    return antialiased(image, size).clamp(0, 1)


def fit_size(
    size: tuple[int, int], long_side: int, *, max_enlarge: float = math.inf
) -> tuple[int, int]:
    """The height and width that make ``long_side`` the longer side and keep the aspect ratio.

    Args:
        size: Current height and width.
        long_side: The new longer side, at least 1.
        max_enlarge: Limit on the enlargement; it takes precedence over ``long_side``.

    Returns:
        Height and width, at least 1 each.

    Raises:
        OptionError: If ``long_side`` is below 1.
    """
    if long_side < 1:
        raise OptionError(f"The long side is {long_side} pixels: choose 1 or more.")
    longest = max(size)
    target = int(min(long_side, max(1, longest * max_enlarge)))
    height, width = (max(1, round(side * target / longest)) for side in size)
    return height, width


def write(
    path: str | Path,
    image: Tensor,
    *,
    alpha: Tensor | None = None,
    quality: int = 95,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a picture in the format of the extension, whole or not at all.

    The sRGB profile is embedded if the format supports it. A format without alpha (JPEG, BMP) shows
    the picture over white; a format without metadata (BMP, GIF) drops them.

    Args:
        path: The file to write, with an extension of ``FORMATS``; parent folders are created.
        image: (1, 3, H, W), sRGB in [0, 1].
        alpha: (1, 1, H, W) in [0, 1], or None.
        quality: Of JPEG and WebP, 1 to 100; from 90 on, JPEG keeps colours at full resolution.
        metadata: Names and values, to be read by :func:`read_metadata`.

    Returns:
        The path.

    Raises:
        ImageError: If the path cannot be written, or the tensors are not a picture.
        OptionError: If the quality is out of range.
    """
    path = Path(path)
    kind = _format_of(path, quality)
    picture = to_pil(image, alpha)
    check_format_size(path, (picture.height, picture.width))
    if alpha is not None and not kind.alpha:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    options = kind.options(quality) | _metadata_options(kind, metadata)
    with atomic_write(path, error=ImageError) as temporary:
        try:
            picture.save(temporary, kind.name, icc_profile=srgb_profile(), **options)
        except ValueError as problem:  # JPEG holds at most 64 kB of metadata
            raise ImageError(f"{path} could not be written ({problem}): choose .png.") from problem
    return path


def check_output(
    path: str | Path, *, quality: int = 95, size: tuple[int, int] | None = None
) -> Path:
    """Make the checks of :func:`write` that need no picture, before hours of work.

    Args:
        path: The file to write.
        quality: See :func:`write`.
        size: Height and width, if known.

    Returns:
        The path.

    Raises:
        ImageError: If the extension is not in ``FORMATS``, the format does not support the size,
            or the path cannot be written.
        OptionError: If the quality is out of range.
    """
    path = Path(path)
    _format_of(path, quality)
    if size is not None:
        check_format_size(path, size)
    check_writable(path, error=ImageError)
    return path


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata that :func:`write` stored in a file; empty if there are none.

    Raises:
        ImageError: If the file is missing or not a picture.
    """
    image = open_file(Path(path)).image
    with contextlib.suppress(Exception):  # metadata of other programs may be broken in any way
        text = image.info.get(_METADATA_KEY)
        if text is None:
            description = image.getexif()[ExifTags.Base.ImageDescription]
            key, _, text = description.partition(" ")
            if key != _METADATA_KEY:
                return {}
        entries = json.loads(text)
        return {name: value for name, value in entries.items() if isinstance(value, str)}
    return {}


def _metadata_options(kind: Format, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    if not metadata or not kind.metadata:
        return {}
    # ASCII JSON, as an EXIF description cannot hold anything else.
    text = json.dumps(dict(metadata))
    if kind.metadata == "text":
        chunks = PngInfo()
        chunks.add_itxt(_METADATA_KEY, text)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = f"{_METADATA_KEY} {text}"
    return {"exif": exif}


def _format_of(path: Path, quality: int) -> Format:
    try:
        kind = FORMATS[path.suffix.lower()]
    except KeyError:
        got = f"the extension '{path.suffix}'" if path.suffix else "no extension"
        known = ", ".join(FORMATS)
        raise ImageError(
            f"{path} has {got}, which names no format: choose one of {known}."
        ) from None
    if not 1 <= quality <= 100:
        raise OptionError(f"The quality is {quality}: choose 1 to 100.")
    return kind


def check_format_size(path: Path, size: tuple[int, int], *, remedy: str = "") -> None:
    """Check that the format of a file supports a height and width.

    Args:
        path: A file with an extension of ``FORMATS``.
        size: Height and width in pixels.
        remedy: What to do instead; by default, to choose one of the formats with a higher limit.

    Raises:
        ImageError: If a side is too long.
    """
    limit = FORMATS[path.suffix.lower()].max_side
    if max(size) > limit:
        larger = [suffix for suffix, other in FORMATS.items() if other.max_side > limit]
        raise ImageError(
            f"{path} would be {size[1]} × {size[0]} pixels, but {path.suffix} allows at most "
            f"{limit} a side: {remedy or 'choose one of ' + ', '.join(larger)}."
        )
