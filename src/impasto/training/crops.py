"""A folder of pictures as training crops; the crops of a step depend on seed and step alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.errors import ImageError, InputDataError
from impasto.images.picture import list_pictures as list_pictures


def held_back(path: Path, eighths: int = 1) -> bool:
    """Whether a picture is kept from training: a fixed share of all, told by its name alone.

    A file belongs to the held-back part if the first hexadecimal digit of the SHA-256 of its name
    is below ``2 * eighths``, so that it stays there when the folder grows.
    """
    return int(hashlib.sha256(path.name.encode()).hexdigest()[0], 16) < 2 * eighths


class Crops:
    """Random square crops of a list of pictures, held in memory as bytes.

    Args:
        paths: Picture files; broken ones are skipped and counted in ``skipped``.
        size: Side of the crops in pixels.
        long_side: Pictures are reduced to at most this long side when they are read.

    Attributes:
        name: How many there are and a digest of them, to tell them from others.

    Raises:
        InputDataError: If not one of the pictures can be read.
    """

    def __init__(self, paths: Sequence[Path], size: int, *, long_side: int = 640) -> None:
        self.size = size
        self.skipped: list[Path] = []
        self._pictures: list[Tensor] = []
        # Few: a photograph as it is decoded can take half a gigabyte.
        threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        Image.init()  # Pillow's kinds of file, which threads would look for all at once
        try:
            read = threads.map(lambda path: _read(path, size, long_side), paths)
            for path, picture in zip(paths, read, strict=True):
                if picture is None:
                    self.skipped.append(path)
                else:
                    self._pictures.append(picture)
        finally:  # after Ctrl-C the rest need not be read
            threads.shutdown(cancel_futures=True)
        if not self._pictures:
            raise InputDataError(f"None of the {len(paths)} pictures can be read.")
        self.name = f"{len(self)} pictures ({digest_of(self._pictures)})"

    def __len__(self) -> int:
        return len(self._pictures)

    def draw(self, count: int, random: torch.Generator, size: int | None = None) -> Tensor:
        """``count`` crops, (count, 3, size, size) in [0, 1], reduced by up to 2 and mirrored.

        Args:
            count: How many.
            random: Decides which.
            size: Their side, at most that of the whole collection, which is the default.
        """
        return torch.cat([self._one(random, size or self.size) for _ in range(count)])

    def _one(self, random: torch.Generator, size: int) -> Tensor:
        picture = self._pictures[integer(len(self._pictures), random)]
        height, width = picture.shape[-2:]
        # From the crop's own size up to the whole short side, so that many scales are seen.
        largest = min(height, width, 2 * size)
        side = size + integer(largest - size + 1, random)
        top = integer(height - side + 1, random)
        left = integer(width - side + 1, random)
        crop = picture[None, :, top : top + side, left : left + side].float() / 255
        if side != size:
            crop = F.interpolate(crop, (size, size), mode="bilinear", antialias=True)
        return crop.flip(-1) if integer(2, random) else crop


def _read(path: Path, size: int, long_side: int) -> Tensor | None:
    """A picture (3, H, W) in bytes, ``size`` at least each way; None if it cannot be read."""
    try:
        picture = images.read(path, long_side=long_side, max_enlarge=1.0).tensor
    except ImageError:
        return None
    short = min(picture.shape[-2:])
    if short < size:
        height, width = (max(size, round(n * size / short)) for n in picture.shape[-2:])
        picture = images.resize(picture, (height, width))
    return images.as_uint8(picture)[0]


def digest_of(tensors: Iterable[Tensor]) -> str:
    """Eight hexadecimal digits that tell pictures, or weights, from others, for a checkpoint."""
    digest = hashlib.blake2b(digest_size=4)
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def step_generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one training step: they depend on nothing but seed and step.

    This is what makes an interrupted training resume with the same batches.
    """
    digest = hashlib.sha256(f"{seed}:{step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def integer(below: int, random: torch.Generator) -> int:
    """A whole number from 0, below a bound."""
    return int(torch.randint(below, (), generator=random))
