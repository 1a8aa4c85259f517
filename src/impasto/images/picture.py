"""Pictures in and out: files and Pillow images as sRGB tensors, and back.

Every picture is float32 RGB in sRGB within [0, 1], of shape (1, 3, H, W), with its alpha beside it;
where one may be in uint8, to spare memory, it is said.
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
from impasto.images.decoding import decode, open_file, srgb_profile
from impasto.images.formats import FORMATS as FORMATS
from impasto.images.formats import Format
from impasto.runtime.files import check_writable, replacing
from impasto.runtime.strips import strips

MAX_PIXELS = 200_000_000
"""Pictures of more pixels are refused by default: a few kilobytes can claim any size."""

MAX_ENLARGE = 4.0
"""Pictures are enlarged at most this much by default: beyond it there is only blur to paint."""

RESIZE_METHODS = ("antialias", "nearest")

_KEY = "impasto"


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it was read.

    Attributes:
        tensor: (1, 3, H, W) float32, sRGB in [0, 1], not multiplied by alpha; uint8 of a picture
            :meth:`in_bytes`.
        alpha: (1, 1, H, W) float32 in [0, 1], None if the picture is opaque.
        path: The file it came from, if any.
    """

    tensor: Tensor
    alpha: Tensor | None = None
    path: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.tensor.shape[-2:]
        return height, width

    def in_bytes(self) -> Picture:
        """The picture in a quarter of the memory, for what can take one of uint8."""
        return replace(self, tensor=as_bytes(self.tensor))

    def resized(self, size: tuple[int, int]) -> Picture:
        """The picture with the height and width ``size``, its alpha along with it, in floats."""
        tensor = as_floats(self.tensor)
        if self.alpha is None or size == self.size:
            return replace(self, tensor=resize(tensor, size))
        # Colours count by their alpha, or those of invisible pixels would show as a fringe.
        alpha = _antialiased(self.alpha, size)
        weighted = _antialiased(tensor * self.alpha, size)
        faintest = 1 / 255
        shown = torch.where(
            alpha >= faintest,
            weighted / alpha.clamp(min=faintest),
            _antialiased(tensor, size),
        )
        return replace(self, tensor=shown.clamp(0, 1), alpha=alpha.clamp(0, 1))


def read(
    source: str | Path | Image.Image,
    *,
    long_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    max_enlarge: float = MAX_ENLARGE,
) -> Picture:
    """A picture from any file that Pillow opens by itself (all but EPS), or from a Pillow image.

    The turn noted by the camera is applied, colours are converted to sRGB by the embedded profile
    (a broken one is ignored with a warning), grey of 16 bits keeps its levels, and of an animation
    the first frame is taken.

    Args:
        source: A file or an image.
        long_side: The longer side to resize to, in pixels; None keeps the size.
        max_pixels: The most pixels that are decoded.
        max_enlarge: The most a picture is enlarged by; a picture that would need more is given
            the largest size this allows instead of ``long_side``.

    Raises:
        ImageError: If there is no such file, or it is no picture, damaged or too large.
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


def list_pictures(folder: str | Path, *, apart_from: Path | None = None) -> list[Path]:
    """All picture files below a folder, sorted by path.

    Args:
        folder: Where.
        apart_from: A folder within it that does not count, such as that of an earlier run's output.

    Raises:
        InputDataError: If the folder does not exist or holds no picture.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise InputDataError(f"There is no folder {folder}: name a folder of pictures.")
    named = (path for path in folder.rglob("*") if path.suffix.lower() in FORMATS)
    found = sorted(path for path in named if os.path.isfile(path))
    if not found:
        raise InputDataError(f"The folder {folder} holds no pictures ({', '.join(FORMATS)}).")
    if apart_from is not None and folder.resolve() in apart_from.resolve().parents:
        left_out = apart_from.resolve()
        found = [path for path in found if left_out not in path.resolve().parents]
        if not found:
            raise InputDataError(
                f"The folder {folder} holds no pictures but those of {apart_from}."
            )
    return found


def from_pil(image: Image.Image, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from a Pillow image of any mode, treated as a file is by :func:`read`.

    Raises:
        ImageError: If it cannot be loaded, has no pixels or too many.
    """
    return Picture(*decode(image, "The given image", max_pixels))


def as_floats(image: Tensor) -> Tensor:
    """A picture in [0, 1], of one in uint8, or as it is."""
    return image if image.is_floating_point() else image.float() / 255


def as_bytes(image: Tensor) -> Tensor:
    """A picture in [0, 1], where what lies outside is clipped, in uint8; one in uint8 as it is."""
    if image.dtype == torch.uint8:
        return image
    made = torch.empty_like(image, dtype=torch.uint8)
    for strip, room in strips(image, made):
        room.copy_((strip * 255).round_().clamp_(0, 255))
    return made


def in_type_of(image: Tensor, like: Tensor) -> Tensor:
    """A picture in [0, 1] as it is, or in uint8 if ``like`` is that."""
    return image if like.is_floating_point() else as_bytes(image)


def to_pil(image: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """A Pillow image of mode RGB, or RGBA if there is an alpha, each value rounded to the nearest.

    Args:
        image: (1, 3, H, W), sRGB in [0, 1], where what lies outside is clipped; or uint8.
        alpha: (1, 1, H, W) in [0, 1], or None.

    Raises:
        ImageError: If a shape is another, or a value is NaN.
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
        return Image.fromarray(image[0].permute(1, 2, 0).contiguous().numpy())
    parts = {n: p / 255 if p.dtype == torch.uint8 else p for n, p in parts.items()}
    floats = [part.detach().float().cpu() for part in parts.values()]
    pixels = floats[0] if alpha is None else torch.cat(floats, dim=1)
    if pixels.isnan().any():
        raise ImageError(
            "The picture holds values that are no numbers (NaN): what computed it has diverged; "
            "lower its learning rate or its weights."
        )
    return Image.fromarray(as_bytes(pixels)[0].permute(1, 2, 0).contiguous().numpy())


def resize(image: Tensor, size: tuple[int, int], *, method: str = "antialias") -> Tensor:
    """Pictures or weight maps of another size; the tensor itself if the size is the same.

    Args:
        image: (B, C, H, W) float, in [0, 1] for ``"antialias"``.
        size: The new height and width, at least 1 each.
        method: One of ``RESIZE_METHODS``: ``"antialias"`` is bicubic with a low-pass filter,
            clipped to [0, 1] where the cubic overshoots at edges; ``"nearest"`` makes no new
            values, for maps of labels.

    Raises:
        OptionError: For another method.
    """
    if method not in RESIZE_METHODS:
        raise unknown_name("resize method", method, RESIZE_METHODS)
    if image.shape[-2:] == size:
        return image
    if method == "nearest":
        return F.interpolate(image, size, mode="nearest-exact")
    return _antialiased(image, size).clamp(0, 1)


def fit_size(
    size: tuple[int, int], long_side: int, *, max_enlarge: float = math.inf
) -> tuple[int, int]:
    """The height and width with ``long_side`` as the longer one and the aspect kept.

    Args:
        size: Height and width now.
        long_side: The longer side wanted, at least 1.
        max_enlarge: The most to enlarge by; where ``long_side`` would need more, the longer side
            becomes this many times as long as now.

    Returns:
        Height and width, at least 1 each.

    Raises:
        OptionError: If ``long_side`` is below 1.
    """
    if long_side < 1:
        raise OptionError(f"The long side is {long_side} pixels: choose 1 or more.")
    now = max(size)
    then = int(min(long_side, max(1, now * max_enlarge)))
    height, width = (max(1, round(side * then / now)) for side in size)
    return height, width


def write(
    path: str | Path,
    image: Tensor,
    *,
    alpha: Tensor | None = None,
    quality: int = 95,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Writes a picture in the format that the extension names, whole or not at all.

    The sRGB profile is embedded where the format has a place for one. Where it has none for alpha
    (JPEG, BMP), the picture is laid over white; where it has none for metadata (BMP, GIF), they are
    left out.

    Args:
        path: The file to make, with an extension of ``FORMATS``; parent folders are created.
        image: (1, 3, H, W), sRGB in [0, 1].
        alpha: (1, 1, H, W) in [0, 1], or None.
        quality: Of JPEG and WebP, 1 to 100; from 90 on, JPEG keeps its colours at full resolution.
        metadata: What :func:`read_metadata` is to give back.

    Returns:
        The path.

    Raises:
        ImageError: If the path cannot be written, or the tensors are no picture.
        OptionError: If the quality is out of range.
    """
    path = Path(path)
    kind = _format_of(path, quality)
    picture = to_pil(image, alpha)
    check_room(path, (picture.height, picture.width))
    if alpha is not None and not kind.alpha:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    options = kind.options(quality) | _metadata_options(kind, metadata)
    with replacing(path, error=ImageError) as temporary:
        try:
            picture.save(temporary, kind.name, icc_profile=srgb_profile(), **options)
        except ValueError as problem:  # JPEG has room for 64 kB of metadata
            raise ImageError(f"{path} could not be written ({problem}): choose .png.") from problem
    return path


def check_output(
    path: str | Path, *, quality: int = 95, size: tuple[int, int] | None = None
) -> Path:
    """Makes the checks of :func:`write` that need no picture, for before hours of work.

    Args:
        path: The file to make.
        quality: As there.
        size: Height and width, where they are known.

    Returns:
        The path.

    Raises:
        ImageError: If the extension is not one of ``FORMATS``, or has no room for the size, or the
            path cannot be written.
        OptionError: If the quality is out of range.
    """
    path = Path(path)
    _format_of(path, quality)
    if size is not None:
        check_room(path, size)
    check_writable(path, error=ImageError)
    return path


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata that :func:`write` put into a file, empty if there are none.

    Raises:
        ImageError: If there is no such file, or it is no picture.
    """
    image = open_file(Path(path))
    with contextlib.suppress(Exception):  # others' metadata may be broken in every way
        text = image.info.get(_KEY)
        if text is None:
            description = image.getexif()[ExifTags.Base.ImageDescription]
            key, _, text = description.partition(" ")
            if key != _KEY:
                return {}
        found = json.loads(text)
        return {name: value for name, value in found.items() if isinstance(value, str)}
    return {}


def _metadata_options(kind: Format, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    if not metadata or not kind.metadata:
        return {}
    # JSON in pure ASCII: an EXIF description can hold nothing else.
    text = json.dumps(dict(metadata))
    if kind.metadata == "text":
        chunks = PngInfo()
        chunks.add_itxt(_KEY, text)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = f"{_KEY} {text}"
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


def check_room(path: Path, size: tuple[int, int], *, remedy: str = "") -> None:
    """Raise ImageError if the format of a file holds no picture of that height and width.

    Args:
        path: Its extension names the format.
        size: In pixels.
        remedy: What to do, in words; one of the roomier formats by default.
    """
    longest = FORMATS[path.suffix.lower()].longest
    if max(size) > longest:
        roomier = [ending for ending, other in FORMATS.items() if other.longest > longest]
        raise ImageError(
            f"{path} would be {size[1]} × {size[0]} pixels and {path.suffix} holds "
            f"{longest} a side: {remedy or 'choose one of ' + ', '.join(roomier)}."
        )


def _antialiased(image: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(image, size, mode="bicubic", antialias=True)
