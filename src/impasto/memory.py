"""How much memory a painting takes, and what tiles keep it within a budget."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

import psutil
import torch

from impasto.encoders import BARE, Encoder
from impasto.errors import OptionError
from impasto.terms import EncoderLike
from impasto.tiles import halo_of

BASE_BYTES = 350e6
"""A process that has imported torch and read two pictures."""

SIDES = (4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 128)
"""Of tiles, halo not counted."""

_LARGE = 5e5
"""Pixels above which L-BFGS keeps half its pairs: there few steps are made, and pairs are large."""

_UNITS = ("", "k", "m", "g", "t")


_CUTTING = 1.8
"""Times the memory per pixel in a tile: the cores cut out of its maps are copies (measured)."""


def parse_bytes(text: str) -> float:
    """``2GB``, ``500 MB``, ``1.5g``, ``2GiB`` (by 1024) or a plain number of bytes.

    Raises:
        OptionError: For anything else, and for less than the program itself takes.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(?:([kmgt])(i?))?b?\s*", text.lower())
    if not found:
        raise OptionError(f"--memory takes a size such as 2GB or 800MB, not {text!r}.")
    unit = (1024.0 if found[3] else 1000.0) ** float(_UNITS.index(found[2] or ""))
    amount: float = float(found[1]) * unit
    if amount < 2 * BASE_BYTES:
        raise OptionError(f"--memory must be {2 * BASE_BYTES / 1e6:.0f}MB or more, not {text}.")
    return amount


def free_memory() -> float:
    """What a painting may take if nothing is said: two thirds of the memory that is free now."""
    return float(psutil.virtual_memory().available) * 2 / 3


def peak_bytes() -> float:
    """The most that the process ever held; where the system does not tell, what it holds now."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux also tells ru_maxrss, but there that begins with what the parent process held.
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found:
            return 1024.0 * int(found[1])
    try:
        import resource
    except ImportError:  # Windows
        held = psutil.Process().memory_info()
        return float(getattr(held, "peak_wset", held.rss))
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def keep_freed_memory(expected: float) -> None:
    """Have the C library keep what is freed for the next map of that size, where it is glibc.

    It hands large maps back to the system, which clears them anew for every step: 18 % of a step's
    time at 1024 px, 7 % at 512, a fifth of one pass at 1920×1080 (measured on one thread). Kept
    memory lies in pieces and can take a little more, so this is for where there is plenty;
    elsewhere it is handed back (:func:`return_freed_memory`). Both hold for the whole process.

    Args:
        expected: Bytes that the process will take; above half of what is free they are handed back.
    """
    if expected > free_memory() / 2:
        return_freed_memory()
    else:
        _tell_glibc({_TRIM_THRESHOLD: 2**31 - 1, _MMAP_MAX: 0})


def return_freed_memory() -> None:
    """Have glibc hand every large map back as soon as it is freed.

    Else it raises the size from which it does so to that of the maps freed so far, and the heap
    that the others lie in falls to pieces: a 100-megapixel picture in tiles took 12 GB, not 2.
    What is small is kept nonetheless: bands of a map come and go often.
    """
    _tell_glibc({_TRIM_THRESHOLD: 2**26, _MMAP_THRESHOLD: 2**23, _MMAP_MAX: 2**16})


_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Numbers of options in glibc's malloc.h."""


def _tell_glibc(options: Mapping[int, int]) -> None:
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for option, value in options.items():
            library.mallopt(option, value)


def history(pixels: int) -> int:
    """How many pairs L-BFGS keeps for a picture of so many pixels."""
    return 10 if pixels <= _LARGE else 5


def picture_bytes(optimizer: str, pixels: int) -> float:
    """What the optimiser holds: pictures in float32, of L-BFGS its pairs and a few vectors."""
    pictures = 2 * history(pixels) + 18 if optimizer == "lbfgs" else 10
    return float(pictures * 3 * 4 * pixels)


def bytes_per_pixel(encoder: Encoder, layers: tuple[str, ...]) -> float:
    """Bytes of feature maps there and back, per pixel of the picture.

    Each convolution's output is kept, and its padded input and gradient come and go; a layer that
    is compared is held in float32 as well, with its gradient. A bound: of all convolutions, not of
    those that are in flight at once.
    """
    size = torch.finfo(encoder.dtype).bits // 8
    until = max((encoder.depth(name) for name in layers), default=-1)
    total = 0.0
    for name in encoder.layers[: until + 1]:
        area = encoder.stride(name) ** 2
        if name in encoder.architecture.convolutions:
            channels_in, channels_out = encoder.architecture.convolutions[name]
            total += size * (channels_in + 2 * channels_out) / area
        if name in layers or BARE + name in layers:
            total += (size + 3 * 4) * encoder.channels(name) / area
    return total


def tile_side(
    encoder: Encoder, layers: tuple[str, ...], size: tuple[int, int], budget: float
) -> int | None:
    """The side of the largest tiles that fit; None where the whole picture does.

    Args:
        encoder: That the picture goes through.
        layers: That are asked for.
        size: Height and width of the picture.
        budget: Bytes for feature maps.
    """
    if map_bytes(encoder, layers, size, None) <= budget:
        return None
    for side in SIDES:
        if side < max(size) and map_bytes(encoder, layers, size, side) <= budget:
            return side
    return SIDES[-1]


def map_bytes(
    encoder: Encoder, layers: tuple[str, ...], size: tuple[int, int], side: int | None
) -> float:
    """What the feature maps of a picture take, whole or in tiles of that side."""
    height, width = size
    per_pixel = bytes_per_pixel(encoder, layers)
    if side is None:
        return per_pixel * height * width
    halo = halo_of(layers, encoder)
    outer = min(height, side + 2 * halo) * min(width, side + 2 * halo)
    return _CUTTING * per_pixel * outer


def painting_bytes(
    encoder: EncoderLike,
    layers: tuple[str, ...],
    optimizer: str,
    size: tuple[int, int],
    side: int | None = None,
) -> float:
    """What a process takes that paints a picture, whole or in tiles of that side."""
    held = BASE_BYTES + picture_bytes(optimizer, size[0] * size[1])
    if isinstance(encoder, Encoder) and layers:
        held += map_bytes(encoder, layers, size, side)
    return held


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch says that there was not enough memory."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
