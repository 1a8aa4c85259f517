"""Pictures as tensors: read from files and Pillow images, resized, and written.

A picture is float32 sRGB in [0, 1] of shape (1, 3, H, W), with a separate alpha. Where it may be
uint8 instead, to save memory, the docstring says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto.errors import ImageError, OptionError, unknown_name
from impasto.images.decoding import check_pixels, check_size, decode, draft_jpeg
from impasto.images.in_memory import Pixels, convert, not_a_picture
from impasto.images.limits import MAX_ENLARGE as MAX_ENLARGE
from impasto.images.limits import MAX_PIXELS as MAX_PIXELS
from impasto.images.listing import list_pictures as list_pictures
from impasto.images.opening import OpenedFile, open_file
from impasto.images.resampling import antialiased, resampled_levels
from impasto.images.source_info import SourceInfo, read_source_info
from impasto.runtime.strips import strips

RESIZE_METHODS = ("antialias", "nearest")


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that was read.

    Attributes:
        tensor: (1, 3, H, W) float32, sRGB in [0, 1], not premultiplied by alpha; uint8 after
            :meth:`as_uint8`.
        alpha: (1, 1, H, W) float32 in [0, 1], or None if the picture is opaque.
        path: The file that it came from, if any.
        info: What that file says beside the pixels.
    """

    tensor: Tensor
    alpha: Tensor | None = None
    path: Path | None = None
    info: SourceInfo = field(default_factory=SourceInfo, repr=False)

    def __repr__(self) -> str:
        """Its size and file; not its pixels."""
        height, width = self.size
        path = "" if self.path is None else f", {self.path}"
        return f"<Picture {width}×{height} px{path}>"

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
        if self.alpha is None and self.tensor.dtype == torch.uint8 and size != self.size:
            return replace(self, tensor=resampled_levels(self.tensor, size).clamp_(0, 1))
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


PictureLike: TypeAlias = str | Path | Image.Image | Pixels | Picture
"""What is taken for a picture: see :func:`read`."""

PICTURE_TYPES = (str, Path, Image.Image, np.ndarray, Tensor, Picture)
"""The same, to be asked for at run time."""


def read(
    source: PictureLike,
    *,
    long_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    max_enlarge: float = MAX_ENLARGE,
    bytes_from: float = math.inf,
) -> Picture:
    """A picture from a file in any format that Pillow itself reads (not EPS), or from memory.

    HEIC pictures need pillow-heif, raw files of cameras rawpy. EXIF orientation is applied. Colours
    are converted to sRGB by the embedded profile, or by what else the file says of them; a broken
    profile is ignored with a warning. PNG and TIFF files of 16 bits keep their levels. An animation
    yields its first frame.

    Args:
        source: A path; a Pillow image; a NumPy array (H, W), (H, W, 3) or (H, W, 4); a tensor
            (3, H, W) or (1, 3, H, W); or a picture that was read. Arrays and tensors are grey, or
            sRGB in the order R, G, B, then alpha. They hold uint8, bool, or floats in [0, 1].
        long_side: The longer side to resize to, in pixels; None keeps the size.
        max_pixels: Limit on the pixels decoded.
        max_enlarge: Limit on the enlargement; it takes precedence over ``long_side``.
        bytes_from: Pixels from which an opaque picture of 8 bits that is not resized stays uint8;
            of files only.

    Raises:
        ImageError: If the file is missing, not a picture, damaged or too large; or for an array or
            tensor of another shape, type or range, or with NaN.
        OptionError: If ``long_side`` is below 1.
    """
    if isinstance(source, str | Path):
        picture = _read_file(Path(source), long_side, max_pixels, bytes_from)
    elif isinstance(source, Picture):
        check_size(*source.size[::-1], "The given picture", max_pixels)
        picture = replace(source, tensor=as_float(source.tensor))
    elif isinstance(source, Image.Image):
        picture = from_pil(source, max_pixels=max_pixels)
    elif isinstance(source, np.ndarray | Tensor):
        picture = from_pixels(source, max_pixels=max_pixels)
    else:
        raise not_a_picture(source)
    if picture.info.size is None:
        picture = replace(picture, info=replace(picture.info, size=picture.size))
    if long_side is None:
        return picture
    full_size = picture.info.size or picture.size
    return picture.resized(fit_size(full_size, long_side, max_enlarge=max_enlarge))


def _read_file(path: Path, long_side: int | None, max_pixels: int, bytes_from: float) -> Picture:
    opened = open_file(path)
    check_pixels(opened, str(path), max_pixels)
    width, height = opened.size
    if long_side is not None:
        draft_jpeg(opened, long_side)
    as_levels = long_side is not None or width * height >= bytes_from
    tensor, alpha = decode(opened, str(path), max_pixels, as_levels=as_levels)
    info = read_source_info(opened.image, is_file=True)  # last, since it may load the pixels
    # The decoder may have turned it, and left out pixels.
    is_turned = (tensor.shape[2] > tensor.shape[3]) != (height > width)
    size = (width, height) if is_turned else (height, width)
    return Picture(tensor, alpha, path, replace(info, size=size))


def from_pil(image: Image.Image, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from a Pillow image of any mode, converted as :func:`read` converts a file.

    Raises:
        ImageError: If the image cannot be loaded, or has no pixels or too many.
    """
    tensor, alpha = decode(OpenedFile(image), "The given image", max_pixels)
    return Picture(tensor, alpha, info=read_source_info(image))


def from_pixels(pixels: Pixels, *, name: str = "picture", max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from a NumPy array or a tensor, as :func:`read` describes them.

    Args:
        pixels: The array or tensor. It is copied.
        name: What it is, for errors.
        max_pixels: Limit on the pixels.

    Raises:
        ImageError: For another shape, type or range, for NaN, or no or too many pixels.
    """
    colours, alpha = convert(pixels, name)
    check_size(colours.shape[-1], colours.shape[-2], f"The {name}", max_pixels)
    return Picture(as_float(colours), alpha)


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
    check_tensors(image, alpha)
    if image.dtype == torch.uint8 and alpha is None:
        return _of_levels(image)
    parts = [image] if alpha is None else [image, alpha]
    floats = [as_float(part.detach()).float().cpu() for part in parts]
    pixels = floats[0] if alpha is None else torch.cat(floats, dim=1)
    return Image.fromarray(as_uint8(pixels)[0].permute(1, 2, 0).contiguous().numpy())


def _of_levels(image: Tensor) -> Image.Image:
    """A uint8 picture (1, 3, H, W) as a Pillow image, made strip by strip: it may be large."""
    result, first = Image.new("RGB", (image.shape[-1], image.shape[-2])), 0
    for (strip,) in strips(image):
        pixels = strip[0].permute(1, 2, 0).contiguous().cpu().numpy()
        result.paste(Image.fromarray(pixels), (0, first))
        first += len(pixels)
    return result


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


def check_tensors(image: Tensor, alpha: Tensor | None = None) -> None:
    """Check that tensors are a picture and its alpha.

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
    if any(part.is_floating_point() and part.isnan().any() for part in parts.values()):
        raise ImageError(
            "The picture contains NaN: the optimization or training that made it diverged; "
            "lower its learning rate or its weights."
        )
